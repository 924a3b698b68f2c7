/** A person's head as a rig of linear morph targets and joints, as `export/rigs/rig.py` makes it. */

import { ARKIT_NAMES, GAZE_ACTIONS, type FaceParameters } from "../conventions";
import { axisAngleToMatrix, matrixToQuaternion } from "../geometry/rotations";
import type { HeadModel } from "../head/headModel";
import { expressionSources } from "../head/headModel";

/** Metres of contact in a frame below which no target is written, and that targets may miss. */
const [NOTICED, LEFT] = [2e-5, 1e-4];
/** Targets of contact at most. */
const MOST_CONTACTS = 12;

/** A head that other programs move by linear morph targets and joints. */
export interface Rig {
  /** The person without expression `[V, 3]`, in metres. */
  readonly vertices: Float32Array;
  readonly targetNames: readonly string[];
  /** Offsets `[V, 3]` of each target, in metres. */
  readonly targets: readonly Float32Array[];
  /** Rest positions `[J, 3]` flat, in metres. */
  readonly joints: Float64Array;
  /** For each corrective target, the two whose product is its weight. */
  readonly correctives: Readonly<Record<string, readonly [string, string]>>;
  /** The targets that hold eyelids off the eyes and lips off each other in the written frames. */
  readonly contact: readonly string[];
}

/** What moves a rig in one frame. */
export interface RigFrame {
  /** Of the targets, those in effect. */
  readonly weights: Float64Array;
  /** Quaternions (w, x, y, z): of the head pose, unless a root joint has it, then of each joint. */
  readonly rotations: readonly (readonly [number, number, number, number])[];
}

/** Returns a person's rig and what moves it through frames, whose shape is that of the first. */
export function rigOf(head: HeadModel, frames: readonly FaceParameters[]): { rig: Rig; motion: RigFrame[] } {
  const shape = frames[0]!.shape;
  const neutral = { ...head.neutral(), shape };
  const names = channelNames(head);
  const correctives = correctiveNames(head, names);
  const all = [...names, ...Object.keys(correctives)];
  const channels = targetChannels(all, names.length);
  const sizes = head.rules.sizes(shape);
  const contact = contactTargets(head, frames, shape);
  const contactNames = contact.targets.map((_, i) => `contact_${i + 1}`);
  const rig = {
    vertices: head.shaped(neutral),
    targetNames: [...channels.map((channel) => all[channel]!), ...contactNames],
    targets: [
      ...channels.map((channel) => {
        const offsets = new Float32Array(3 * head.numVertices);
        head.offsets.add(offsets, shape.length + channel, sizes[channel]!);
        return offsets;
      }),
      ...contact.targets,
    ],
    joints: head.restJoints(shape), correctives, contact: contactNames,
  };
  const rooted = head.jointNames.includes("root");
  const motion = frames.map((face, t) => {
    const effective = head.rules.effective(head.asked(face));
    const pose = rooted ? [0, 0, 0] : face.head_pose;
    const turns = [axisAngleToMatrix(pose[0]!, pose[1]!, pose[2]!), ...head.jointRotations(face)];
    return {
      weights: Float64Array.from([...channels.map((channel) => effective[channel]!), ...contact.weights[t]!]),
      rotations: turns.map(matrixToQuaternion),
    };
  });
  return { rig, motion: withNearestSigns(motion) };
}

/** Returns the name of each channel; ARKit's where it is the only one of an action. */
function channelNames(head: HeadModel): string[] {
  const names = [...head.expressionNames];
  for (const [arkit, indices] of expressionSources(names)) if (indices.length === 1) names[indices[0]!] = arkit;
  return [
    ...names, "jawOpen", "jawLeft", "jawForward", "", "jawRight", "", "eyeBlinkLeft", "eyeBlinkRight", ...GAZE_ACTIONS,
  ];
}

function correctiveNames(head: HeadModel, names: readonly string[]): Record<string, [string, string]> {
  const { pairs } = head.rules;
  const found: Record<string, [string, string]> = {};
  for (let i = 0; i < pairs.length; i += 2) {
    const [first, second] = [names[pairs[i]!]!, names[pairs[i + 1]!]!];
    found[`${first}_${second}`] = [first, second];
  }
  return found;
}

/** Returns the channels that are targets: ARKit's in ARKit's order, others, correctives. */
function targetChannels(names: readonly string[], count: number): number[] {
  const own = names.slice(0, count);
  const arkit = ARKIT_NAMES.map((name) => own.indexOf(name)).filter((channel) => channel >= 0);
  const rest = names.map((_, channel) => channel).filter((channel) => names[channel] && !arkit.includes(channel));
  return [...arkit, ...rest];
}

/**
 * Returns targets and weights whose products are what contact moves in all frames: each target is
 * what the others leave of the frame that they miss most, and weights are projections.
 */
function contactTargets(
  head: HeadModel, frames: readonly FaceParameters[], shape: Float64Array,
): { targets: Float32Array[]; weights: number[][] } {
  const touched = ["lid_id", "lip_id"].flatMap((name) => Array.from(head.optional(name)?.data ?? []));
  const ids = [...new Set(touched)];
  const left = frames.map((face) => {
    const offsets = head.contactOffsets({ ...face, shape });
    return Float32Array.from(ids.flatMap((id) => Array.from(offsets.subarray(3 * id, 3 * id + 3))));
  });
  const targets: Float32Array[] = [];
  const weights = left.map((): number[] => []);
  for (let bound = NOTICED; targets.length < MOST_CONTACTS; bound = LEFT) {
    const missed = left.map((rest) => rest.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
    const worst = missed.reduce((best, value, t) => (value > missed[best]! ? t : best), 0);
    if (missed[worst]! < bound) break;
    const target = left[worst]!.slice();
    const square = target.reduce((sum, value) => sum + value * value, 0);
    left.forEach((rest, t) => {
      const weight = rest.reduce((sum, value, i) => sum + value * target[i]!, 0) / square;
      rest.forEach((_, i) => (rest[i]! -= weight * target[i]!));
      weights[t]!.push(weight);
    });
    const offsets = new Float32Array(3 * head.numVertices);
    ids.forEach((id, row) => offsets.set(target.subarray(3 * row, 3 * row + 3), 3 * id));
    targets.push(offsets);
  }
  return { targets, weights };
}

/** Returns frames whose quaternions have the sign nearest to the frame before. */
function withNearestSigns(frames: readonly RigFrame[]): RigFrame[] {
  const nearest: RigFrame[] = [];
  for (const frame of frames) {
    const before = nearest.at(-1)?.rotations;
    const rotations = frame.rotations.map((rotation, j) => {
      const opposed = before !== undefined && rotation.reduce((sum, q, k) => sum + q * before[j]![k]!, 0) < 0;
      return opposed ? (rotation.map((q) => -q) as unknown as typeof rotation) : rotation;
    });
    nearest.push({ weights: frame.weights, rotations });
  }
  return nearest;
}
