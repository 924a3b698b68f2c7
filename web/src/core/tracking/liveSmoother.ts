/** The causal filter of `tracking/motion/smoothing.py`: still faces rest, blinks keep their height. */

import type { HeadModel } from "../head/headModel";
import { MOVING_GROUPS, rangesOf } from "../head/ranges";
import type { ImageMotion } from "./imageMotion";

/** Fraction of the frames that the noise is estimated from, and that quantile of |N(0, 1)|. */
const [LOW_FRACTION, LOW_QUANTILE] = [0.3, 0.3853];
/** Relative change of the noise estimate a frame. */
const NOISE_STEP = 0.06;
/** Frames on either side that predict one. */
const REACH = 3;
/** Largest noise of a quaternion's component and of a place in metres. */
const [MOST_ROTATION, MOST_TRANSLATION] = [0.002, 3e-4];
/** Cutoff frequency on a still face, in hertz. */
const CUTOFF = 0.9;
/** Multiples of the noise up to which deviations are smoothed, and from which they are motion. */
const [NOISE_THRESHOLD, MOTION_THRESHOLD] = [2.5, 6];
/** Seconds without a frame after which smoothing begins anew. */
const GAP = 0.25;

interface NoiseRange { least: Float64Array; most: Float64Array }

interface Signal {
  value: Float64Array;
  recent: Float64Array[];
  noise: Float64Array;
}

/** A One Euro filter (Casiez et al. 2012) whose speed is the deviation from its own output. */
export class LiveSmoother {
  private readonly ranges: ReadonlyMap<string, NoiseRange>;
  private times: number[] = [];
  private signals = new Map<string, Signal>();

  constructor(head: HeadModel) {
    this.ranges = noiseRanges(head);
  }

  /** Returns the next frame of a face, smoothed; `seconds` is its time. */
  next(motion: ImageMotion, seconds: number): ImageMotion {
    const passed = this.times.length ? seconds - this.times.at(-1)! : Infinity;
    if (!(passed > 0 && passed <= GAP)) {
      this.signals.clear();
      this.times = [];
    }
    this.times = [...this.times, seconds].slice(-2 * REACH - 1);
    const before = this.signals.get("rotation")?.value;
    const opposed = before !== undefined && before.reduce((sum, value, k) => sum + value * motion.rotation[k]!, 0) < 0;
    const rotation = this.filtered("rotation", opposed ? motion.rotation.map((q) => -q) : motion.rotation, passed, 1, true);
    const norm = Math.hypot(...rotation);
    return {
      rotation: rotation.map((q) => q / norm),
      translation: this.filtered("translation", motion.translation, passed, Math.exp(motion.logScale[0]!), true),
      logScale: this.filtered("logScale", motion.logScale, passed, 1, false),
      groups: Object.fromEntries(
        MOVING_GROUPS.map((name) => [name, this.filtered(name, motion.groups[name], passed, 1, false)]),
      ) as ImageMotion["groups"],
    };
  }

  private filtered(name: string, value: Float64Array, passed: number, unit: number, together: boolean): Float64Array {
    const limits = this.ranges.get(name)!;
    const before = this.signals.get(name);
    if (!before) {
      const noise = limits.least.map((least, k) => Math.sqrt(least * limits.most[k]!));
      this.signals.set(name, { value: value.slice(), recent: [value], noise });
      return value;
    }
    const recent = [...before.recent, value].slice(-2 * REACH - 1);
    const distance = lengths(value.map((v, k) => (v - before.value[k]!) / unit), together);
    const dims = together ? Math.sqrt(value.length) : 1;
    let { noise } = before;
    if (recent.length === 2 * REACH + 1) {
      const off = lengths(unpredicted(recent, this.times).map((v) => v / unit), together);
      noise = noise.map((n, k) => {
        const low = off[together ? 0 : k]! < n * LOW_QUANTILE * dims ? 1 : 0;
        return n * Math.exp(NOISE_STEP * (LOW_FRACTION - low));
      });
    }
    noise = noise.map((n, k) => Math.min(Math.max(n, limits.least[k]!), limits.most[k]!));
    const still = 1 - Math.exp(-2 * Math.PI * CUTOFF * passed);
    const smooth = value.map((v, k) => {
      const excess = distance[together ? 0 : k]! / (noise[k]! * dims);
      const follow = rise(excess, NOISE_THRESHOLD, MOTION_THRESHOLD);
      return before.value[k]! + (still + (1 - still) * follow) * (v - before.value[k]!);
    });
    this.signals.set(name, { value: smooth, recent, noise });
    return smooth;
  }
}

function noiseRanges(head: HeadModel): ReadonlyMap<string, NoiseRange> {
  const same = (size: number, least: number, most: number): NoiseRange => ({
    least: new Float64Array(size).fill(least), most: new Float64Array(size).fill(most),
  });
  const ranges = new Map<string, NoiseRange>([
    ["rotation", same(4, 0.0005, MOST_ROTATION)],
    ["translation", same(2, 2e-5, MOST_TRANSLATION)],
    ["logScale", same(1, 2e-4, 0.02)],
  ]);
  const groups = rangesOf(head);
  for (const name of MOVING_GROUPS) {
    const { lo, hi, std } = groups[name];
    const span = lo.map((low, k) => {
      const width = hi[k]! - low;
      return Number.isFinite(width) && width > 0 ? width : Math.max(4 * std[k]!, 0.1);
    });
    ranges.set(name, {
      least: span.map((width) => Math.max(0.001 * width, 1e-6)), most: span.map((width) => Math.max(0.04 * width, 2e-6)),
    });
  }
  return ranges;
}

/** Returns by how much the middle frame leaves the polynomial through its neighbours, for unit noise. */
function unpredicted(recent: readonly Float64Array[], times: readonly number[]): Float64Array {
  const neighbours = times.map((_, i) => i).filter((i) => i !== REACH);
  const away = neighbours.map((i) => times[i]! - times[REACH]!);
  // Lagrange's weights of the neighbours, at the frame itself
  const weights = away.map((own, j) =>
    away.reduce((product, other, k) => (k === j ? product : product * (other / (other - own))), 1),
  );
  const std = Math.sqrt(1 + weights.reduce((sum, w) => sum + w * w, 0));
  return recent[REACH]!.map((value, k) => {
    const curve = neighbours.reduce((sum, i, j) => sum + weights[j]! * recent[i]![k]!, 0);
    return (value - curve) / std;
  });
}

function lengths(values: Float64Array, together: boolean): Float64Array {
  return together ? Float64Array.of(Math.hypot(...values)) : values.map(Math.abs);
}

/** Returns 0 below low, 1 above high, and a smooth step between. */
function rise(value: number, low: number, high: number): number {
  const fraction = Math.min(Math.max((value - low) / (high - low), 0), 1);
  return fraction * fraction * (3 - 2 * fraction);
}
