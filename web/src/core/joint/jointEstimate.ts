/**
 * The most probable face, given what an encoder says of its parameters and surface points, and the
 * detector's landmarks, as `fitting/joint_estimate.py` for one crop: docs/estimate.md.
 */

import { CROP_SIZE, type FaceParameters } from "../conventions";
import type { Evidence, FaceEncoder } from "../encoder/faceEncoder";
import { axisAngleToMatrix, matrixToAxisAngle, multiply, type Matrix3 } from "../geometry/rotations";
import type { HeadModel } from "../head/headModel";
import { rangesOf } from "../head/ranges";
import { dot, gram, solvePositive } from "./linear";
import { PointHead } from "./pointHead";
import { joined, landmarkTargets, regionsOf, surfaceTargets, whitening, type PointTargets } from "./pointTargets";

/** Leading identity components that vary, and steps of Levenberg and Marquardt. */
const [NUM_SHAPE, NUM_STEPS] = [60, 4];
/** Nearness 1 / d of a camera in 1/m among photos, and its largest. */
const [NEARNESS_MEAN, NEARNESS_STD, NEAREST] = [1.3, 0.83, 4];
/** Least denominator of the perspective, and least standard deviation of an encoder's component. */
const [LEAST_DEPTH, LEAST_STD] = [0.2, 1e-3];
/** Factor on an encoder's standard deviations of actions, as in `fitting/observations/belief.py`. */
const ACTIONS_STD = 0.1;
/** Factor on those of the identity, as there. */
const SHAPE_STD = 0.5;
/** Step of forward differences, in weights, radians and standard deviations of the identity. */
const DIFFERENCE = 1e-3;
/** First damping, its factors after a better and a worse step, and its bounds. */
const DAMPING = { first: 1e-3, better: 1 / 5, worse: 8, least: 1e-6, most: 1e3 };
/** Groups of a state's local components, in their order. */
const LOCAL = ["expression", "eyelids", "jaw", "eyes"] as const;

/** The unknowns: the view is scale, and the head origin's x and y (up) in device coordinates. */
interface State {
  readonly shape: Float64Array;
  readonly local: Float64Array;
  readonly rotation: Matrix3;
  readonly view: Float64Array;
  readonly nearness: number;
}

/** What is believed before points are looked at: a state, and precisions in the order of a step. */
interface Belief { readonly mean: State; readonly precision: Float64Array }

interface Problem { belief: Belief; targets: PointTargets; whiten: (errors: Float64Array) => Float64Array }

export class JointEstimator {
  private readonly points: PointHead;
  private readonly ids: ArrayLike<number>;
  private readonly regions: { landmarks: Int32Array; surface: Int32Array };
  private readonly lo: Float64Array;
  private readonly hi: Float64Array;

  /** @throws Error if the encoder predicts no standard deviations and surface points. */
  constructor(private readonly head: HeadModel, encoder: FaceEncoder) {
    const surface = encoder.header.points;
    if (!surface) throw new Error("these weights give no standard deviations and no points");
    const [triangles, bary] = [head.array("lmk_mp_tri").data, head.array("lmk_mp_bary").data];
    const corners = Array.from(triangles, (t) => [0, 1, 2].map((k) => head.faces[3 * t + k]!)).flat();
    this.ids = head.array("lmk_mp_id").data;
    this.regions = { landmarks: regionsOf(head, corners), surface: regionsOf(head, surface.corners.flat()) };
    this.points = new PointHead(head, [...corners, ...surface.corners.flat()], [...bary, ...surface.bary.flat()]);
    const ranges = rangesOf(head);
    this.lo = Float64Array.from(LOCAL.flatMap((name) => Array.from(ranges[name].lo)));
    this.hi = Float64Array.from(LOCAL.flatMap((name) => Array.from(ranges[name].hi)));
  }

  /** Returns the most probable parameters; `landmarks` are all 478 in crop pixels, x and y flat. */
  estimate(evidence: Evidence, landmarks: Float64Array): FaceParameters {
    const belief = this.belief(evidence);
    const targets = this.targets(evidence, landmarks, belief.mean);
    const problem = { belief, targets, whiten: whitening(targets) };
    let state = this.bounded(belief.mean);
    let [cost, damping] = [this.cost(state, problem), DAMPING.first];
    for (let step = 0; step < NUM_STEPS; step++) {
      const trial = this.moved(state, problem, damping);
      const trialCost = this.cost(trial, problem);
      const better = trialCost < cost;
      if (better) [state, cost] = [trial, trialCost];
      damping = Math.min(Math.max(damping * (better ? DAMPING.better : DAMPING.worse), DAMPING.least), DAMPING.most);
    }
    const posed = rotated(this.unposed(state), state.rotation).subarray(0, 3 * this.ids.length);
    return this.parameters({ ...state, view: nearestView(posed, perspective(posed, state).seen) });
  }

  private belief({ parameters, std }: Evidence): Belief {
    const precision = (values: Float64Array): Float64Array => values.map((value) => 1 / Math.max(value, LEAST_STD) ** 2);
    // an encoder that was trained on people holds their distribution, of unit variance, already
    const known = precision(std.shape.map((value) => value * SHAPE_STD)).map((value) => Math.max(value - 1, 0));
    const pose = parameters.head_pose;
    const rotation = axisAngleToMatrix(pose[0]!, pose[1]!, pose[2]!);
    const scale = parameters.camera[0]!;
    const shift = this.pivotShift(parameters.shape, rotation);
    const flat = {
      shape: parameters.shape.map((value, s) => (known[s]! > 0 ? value : 0)).subarray(0, NUM_SHAPE),
      local: Float64Array.from(LOCAL.flatMap((name) => Array.from(parameters[name]))),
      rotation,
      view: Float64Array.of(scale, ...[0, 1].map((k) => (parameters.camera[1 + k]! + shift[k]!) * scale)),
      nearness: NEARNESS_MEAN,
    };
    const local = { ...std, expression: std.expression.map((value) => value * ACTIONS_STD) };
    const camera = Float64Array.of(std.camera[0]!, std.camera[1]! * scale, std.camera[2]! * scale);
    return {
      mean: { ...flat, view: perspectiveView(rotated(this.unposed(flat), rotation), flat) },
      precision: Float64Array.from([
        ...known.subarray(0, NUM_SHAPE).map((value) => 1 + value),
        ...LOCAL.flatMap((name) => Array.from(precision(local[name]))),
        ...precision(std.head_pose), ...precision(camera), 1 / NEARNESS_STD ** 2,
      ]),
    };
  }

  private targets(evidence: Evidence, landmarks: Float64Array, state: State): PointTargets {
    const seen = landmarks.map((pixel) => (2 * pixel) / CROP_SIZE - 1);
    const { landmarks: region, surface } = this.regions;
    return joined(
      landmarkTargets(seen, this.ids, region, state.rotation[8]!, state.view[0]!),
      surfaceTargets(evidence.points, evidence.pointsStd, evidence.pointsVisible, surface),
    );
  }

  /** Returns twice the negative logarithm of the posterior. */
  private cost(state: State, problem: Problem): number {
    const { seen } = perspective(rotated(this.unposed(state), state.rotation), state);
    const off = problem.whiten(seen.map((value, i) => value - problem.targets.places[i]!));
    const away = awayFrom(state, problem.belief.mean);
    return dot(off, off) + away.reduce((sum, value, i) => sum + value * value * problem.belief.precision[i]!, 0);
  }

  private moved(state: State, problem: Problem, damping: number): State {
    const { belief, targets, whiten } = problem;
    const unposed = this.unposed(state);
    const posed = rotated(unposed, state.rotation);
    const { seen, enlarged } = perspective(posed, state);
    const off = whiten(seen.map((value, i) => value - targets.places[i]!));
    const columns = [...this.bySurface(state, unposed, enlarged), ...byView(posed, state, enlarged)].map(whiten);
    const count = columns.length;
    const matrix = gram(columns);
    const away = awayFrom(state, belief.mean);
    const gradient = Float64Array.from(columns, (column, i) => dot(column, off) + away[i]! * belief.precision[i]!);
    for (let i = 0; i < count; i++) {
      const at = i * count + i;
      matrix[at]! += belief.precision[i]!;
      matrix[at] = matrix[at]! * (1 + damping) + 1e-6;
    }
    state.local.forEach((value, k) => {
      const i = state.shape.length + k;
      const [low, high] = [this.lo[k]!, this.hi[k]!];
      if (low !== high && !(value <= low && gradient[i]! > 0) && !(value >= high && gradient[i]! < 0)) return;
      for (let j = 0; j < count; j++) matrix[i * count + j] = matrix[j * count + i] = i === j ? 1 : 0;
      gradient[i] = 0;
    });
    return this.bounded(after(state, solvePositive(matrix, gradient.map((value) => -value))));
  }

  /** Returns derivatives of seen points by shape and local components, by differences. */
  private bySurface(state: State, unposed: Float64Array, enlarged: Float64Array): Float64Array[] {
    const turn = state.rotation.map((value) => value * state.view[0]!);
    const column = (other: State, step: number): Float64Array => {
      const changed = this.unposed(other);
      const result = new Float64Array(2 * enlarged.length);
      for (let p = 0; p < enlarged.length; p++) {
        const change = [0, 1, 2].map((k) => (changed[3 * p + k]! - unposed[3 * p + k]!) / step) as [number, number, number];
        for (let axis = 0; axis < 2; axis++) {
          const row = turn[3 * axis]! * change[0] + turn[3 * axis + 1]! * change[1] + turn[3 * axis + 2]! * change[2];
          result[2 * p + axis] = row * enlarged[p]!;
        }
      }
      return result;
    };
    const stepped = (values: Float64Array, k: number, step: number): Float64Array =>
      values.map((value, i) => (i === k ? value + step : value));
    return [
      ...Array.from(state.shape, (_, k) => column({ ...state, shape: stepped(state.shape, k, 1) }, 1)),
      ...Array.from(state.local, (value, k) => {
        if (this.lo[k] === this.hi[k]) return new Float64Array(2 * enlarged.length);
        // downwards at the upper bound, where the function may have a kink
        const step = value + DIFFERENCE > this.hi[k]! ? -DIFFERENCE : DIFFERENCE;
        return column({ ...state, local: stepped(state.local, k, step) }, step);
      }),
    ];
  }

  private bounded(state: State): State {
    return { ...state, local: state.local.map((value, k) => Math.min(Math.max(value, this.lo[k]!), this.hi[k]!)) };
  }

  private unposed(state: State): Float64Array {
    return this.points.unposed(this.groups(state));
  }

  private groups(state: State): FaceParameters {
    const neutral = this.head.neutral();
    neutral.shape.set(state.shape);
    let at = 0;
    for (const name of LOCAL) {
      neutral[name].set(state.local.subarray(at, at + neutral[name].length));
      at += neutral[name].length;
    }
    return neutral;
  }

  private parameters(state: State): FaceParameters {
    const face = this.groups(state);
    const shift = this.pivotShift(face.shape, state.rotation);
    const scale = state.view[0]!;
    return {
      ...face,
      head_pose: Float64Array.from(matrixToAxisAngle(state.rotation)),
      camera: Float64Array.of(scale, state.view[1]! / scale - shift[0]!, state.view[2]! / scale - shift[1]!),
    };
  }

  /** Returns by how far a rotation about the root moves the origin, x and y in metres. */
  private pivotShift(shape: Float64Array, m: Matrix3): [number, number] {
    const pivot = this.head.pivot(shape);
    return [0, 1].map((row) => pivot[row]! - dot(m.subarray(3 * row, 3 * row + 3), pivot)) as [number, number];
  }
}

function after(state: State, step: Float64Array): State {
  const [shapes, locals] = [state.shape.length, state.local.length];
  const turn = shapes + locals;
  return {
    shape: state.shape.map((value, k) => value + step[k]!),
    local: state.local.map((value, k) => value + step[shapes + k]!),
    rotation: multiply(axisAngleToMatrix(step[turn]!, step[turn + 1]!, step[turn + 2]!), state.rotation),
    view: state.view.map((value, k) => value + step[turn + 3 + k]!),
    nearness: Math.min(Math.max(state.nearness + step[turn + 6]!, 0), NEAREST),
  };
}

/** Returns by how far a state is from another, in the order of a step. */
function awayFrom(state: State, other: State): Float64Array {
  const less = (one: Float64Array, two: Float64Array): Float64Array => one.map((value, k) => value - two[k]!);
  const back = Float64Array.from([0, 3, 6, 1, 4, 7, 2, 5, 8], (i) => other.rotation[i]!);
  return Float64Array.from([
    ...less(state.shape, other.shape), ...less(state.local, other.local),
    ...matrixToAxisAngle(multiply(state.rotation, back)), ...less(state.view, other.view),
    state.nearness - NEARNESS_MEAN,
  ]);
}

/** Returns where points are seen, x and y (up) flat, and how much each is enlarged by its depth. */
function perspective(posed: Float64Array, { view, nearness }: State): { seen: Float64Array; enlarged: Float64Array } {
  const count = posed.length / 3;
  const [seen, enlarged] = [new Float64Array(2 * count), new Float64Array(count)];
  for (let p = 0; p < count; p++) {
    enlarged[p] = 1 / Math.max(1 - nearness * posed[3 * p + 2]!, LEAST_DEPTH);
    for (let axis = 0; axis < 2; axis++) {
      seen[2 * p + axis] = view[0]! * posed[3 * p + axis]! * enlarged[p]! + view[1 + axis]!;
    }
  }
  return { seen, enlarged };
}

/** Returns derivatives of seen points by rotation, view and nearness. */
function byView(posed: Float64Array, { view }: State, enlarged: Float64Array): Float64Array[] {
  const columns = Array.from({ length: 7 }, () => new Float64Array(2 * enlarged.length));
  const scale = view[0]!;
  enlarged.forEach((grown, p) => {
    const [x, y, z] = [posed[3 * p]!, posed[3 * p + 1]!, posed[3 * p + 2]!];
    const rows = [[0, scale * z * grown], [scale * z * grown * -1, 0]];
    // a small rotation d moves a posed point by d x p
    [columns[0]![2 * p], columns[0]![2 * p + 1]] = [0, rows[1]![0]!];
    [columns[1]![2 * p], columns[1]![2 * p + 1]] = [rows[0]![1]!, 0];
    [columns[2]![2 * p], columns[2]![2 * p + 1]] = [-scale * y * grown, scale * x * grown];
    [columns[3]![2 * p], columns[3]![2 * p + 1]] = [x * grown, y * grown];
    columns[4]![2 * p] = columns[5]![2 * p + 1] = 1;
    const depth = scale * z * grown * grown;
    [columns[6]![2 * p], columns[6]![2 * p + 1]] = [depth * x, depth * y];
  });
  return columns;
}

/** Returns the scaled-orthographic view with least squared distance to where points are seen. */
function nearestView(posed: Float64Array, seen: Float64Array): Float64Array {
  const count = posed.length / 3;
  const [middle, mean] = [[0, 0], [0, 0]] as [[number, number], [number, number]];
  for (let i = 0; i < 2 * count; i++) {
    middle[i % 2]! += posed[3 * Math.floor(i / 2) + (i % 2)]! / count;
    mean[i % 2]! += seen[i]! / count;
  }
  let [above, below] = [0, 0];
  for (let i = 0; i < 2 * count; i++) {
    const centred = posed[3 * Math.floor(i / 2) + (i % 2)]! - middle[i % 2]!;
    above += centred * (seen[i]! - mean[i % 2]!);
    below += centred * centred;
  }
  const scale = above / below;
  return Float64Array.of(scale, mean[0] - scale * middle[0], mean[1] - scale * middle[1]);
}

/** Returns the perspective view that shows points most like the state's orthographic one. */
function perspectiveView(posed: Float64Array, state: State): Float64Array {
  const { enlarged } = perspective(posed, state);
  const grown = posed.map((value, i) => (i % 3 < 2 ? value * enlarged[Math.floor(i / 3)]! : value));
  return nearestView(grown, perspective(posed, { ...state, nearness: 0 }).seen);
}

/** Returns points `[P, 3]` rotated about the origin. */
function rotated(points: Float64Array, m: Matrix3): Float64Array {
  const result = new Float64Array(points.length);
  for (let i = 0; i < points.length; i += 3) {
    const [x, y, z] = [points[i]!, points[i + 1]!, points[i + 2]!];
    for (let k = 0; k < 3; k++) result[i + k] = m[3 * k]! * x + m[3 * k + 1]! * y + m[3 * k + 2]! * z;
  }
  return result;
}
