/**
 * The region of a picture that a face's next crop is cut around, as
 * `tracking/tracks/crop_region.py`. Rolls are angles clockwise in the picture, in radians.
 */

import { CROP_SIZE, type FaceParameters } from "../conventions";
import { boxOf, middle } from "../detection/boxes";
import type { FaceEstimate } from "../estimator";
import { apply, inverse, type Picture } from "../geometry/resampling";
import { axisAngleToMatrix } from "../geometry/rotations";

/** Points x and y flat: a face's landmarks, or two corners of a square before it is rotated. */
export type Outline = Float64Array;

/** Numbers of an outline that is a square. */
const CORNERS = 4;
/** Rotation between two frames from which the next crop follows it at once. */
const ROLL_FOLLOWED = (5 * Math.PI) / 180;
/** Rotation of the head against its crop from which it is cut out again. */
const ROLL_OFF = (3 * Math.PI) / 180;
/** Fraction of a small change that the next crop follows: jitter of the mesh then dies out. */
const LEAST_FOLLOWED = 0.2;
/** Movement in face sizes, and logarithm of growth, from which the next crop follows at once. */
const [STEP_FOLLOWED, GROWTH_FOLLOWED] = [0.05, 0.1];
/** Size of a face in picture pixels from which more pixels do not improve its crop. */
const FULL_QUALITY_SIZE = 150;

/** Returns the centre of the box of points, and its mean side. */
export function centreAndSize(points: ArrayLike<number>): { centre: [number, number]; size: number } {
  const box = boxOf(points);
  return { centre: middle(box), size: (box[2] - box[0] + box[3] - box[1]) / 2 };
}

/** Returns the roll of a head in its picture. */
export function headRoll({ head_pose }: FaceParameters): number {
  const rotation = axisAngleToMatrix(head_pose[0]!, head_pose[1]!, head_pose[2]!);
  return Math.atan2(rotation[1]!, rotation[4]!);
}

/** Returns the points whose box, rotated by the roll, bounds the next crop. */
export function pointsAround(outline: Outline, roll: number): Outline {
  if (outline.length > CORNERS) return outline;
  const [x, y] = [(outline[0]! + outline[2]!) / 2, (outline[1]! + outline[3]!) / 2];
  const turned = rotated(outline.map((value, i) => value - (i % 2 ? y : x)), roll);
  return turned.map((value, i) => value + (i % 2 ? y : x));
}

/** Returns the roll for the next crop; one that jitters is followed little. */
export function nextRoll(roll: number, estimated: number): number {
  const change = remainder(estimated - roll);
  const follow = Math.min(1, LEAST_FOLLOWED + Math.abs(change) / ROLL_FOLLOWED);
  return remainder(roll + follow * change);
}

/** Returns two corners of the square for the next crop, before it is rotated; it follows the mesh. */
export function nextOutline(outline: Outline, roll: number, points: Float64Array, newRoll: number): Outline {
  const now = uprightSquare(outline, roll);
  const next = uprightSquare(points, newRoll);
  const step = Math.hypot(next.centre[0] - now.centre[0], next.centre[1] - now.centre[1]) / now.size;
  const growth = Math.abs(Math.log(next.size / now.size));
  const follow = Math.min(1, LEAST_FOLLOWED + Math.max(step / STEP_FOLLOWED, growth / GROWTH_FOLLOWED));
  const [x, y] = [0, 1].map((k) => now.centre[k]! + follow * (next.centre[k]! - now.centre[k]!)) as [number, number];
  const half = (now.size + follow * (next.size - now.size)) / 2;
  return Float64Array.of(x - half, y - half, x + half, y + half);
}

/** Returns whether a crop is rotated so far off the head it shows that it is to be cut again. */
export function isRolledOff(roll: number, estimated: number): boolean {
  return Math.abs(remainder(estimated - roll)) > ROLL_OFF;
}

/** Returns whether a mesh can be a face of the picture: finite, neither tiny nor outside. */
export function isPlausible({ points, transform }: FaceEstimate, { width, height }: Picture): boolean {
  if (!points.every(Number.isFinite)) return false;
  const { centre, size } = centreAndSize(points);
  const inside = centre.every((at, k) => at > -0.1 * size && at < (k ? height : width) + 0.1 * size);
  const back = inverse(transform);
  const crop = centreAndSize([...apply(back, 0, 0), ...apply(back, CROP_SIZE, CROP_SIZE)]);
  // a mesh that has left its crop's middle is a guess
  const central = Math.hypot(centre[0] - crop.centre[0], centre[1] - crop.centre[1]) < 0.4 * crop.size;
  return inside && central && size > 10 && size < 3 * Math.max(width, height) && size > 0.3 * crop.size;
}

/** Returns how far a frame is trusted for the shape in [0, 1]: certain, frontal and large. */
export function shapeQuality({ parameters, points }: FaceEstimate, score: number): number {
  const pose = parameters.head_pose;
  const frontal = Math.max(axisAngleToMatrix(pose[0]!, pose[1]!, pose[2]!)[8]!, 0) ** 2;
  return score * frontal * Math.min(1, centreAndSize(points).size / FULL_QUALITY_SIZE);
}

/** Returns points rotated clockwise in the picture about its corner. */
function rotated(points: Float64Array, angle: number): Float64Array {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return points.map((value, i) => (i % 2 ? sin * points[i - 1]! + cos * value : cos * value - sin * points[i + 1]!));
}

function uprightSquare(outline: Outline, roll: number): { centre: [number, number]; size: number } {
  if (outline.length <= CORNERS) return centreAndSize(outline);
  const { centre, size } = centreAndSize(rotated(outline, -roll));
  const [x, y] = rotated(Float64Array.from(centre), roll);
  return { centre: [x!, y!], size };
}

/** Returns an angle less whole turns, nearest to zero. */
function remainder(angle: number): number {
  return angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));
}
