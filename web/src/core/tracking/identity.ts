/** How alike a lost face and a found one are, as `tracking/tracks/identity.py`. */

import { reduced, type Picture } from "../geometry/resampling";

/** Cells a side of the coarse crop, and those at its rim that show background and hair. */
const [GRID, MARGIN] = [12, 2];
/** Distances of appearances and of shapes that cost 1, and the greatest cost of a shape. */
const [APPEARANCE_UNIT, SHAPE_UNIT, SHAPE_MOST] = [0.35, 0.06, 1.8];
/** Distance from where a face was lost at which it may be found, in face sizes: at once, a second. */
const [REACH, SPEED] = [0.6, 1.5];
/** Seconds after which the position where a face was lost no longer counts. */
const SHORT = 2;
/** Cost up to which a found face is taken for a lost one. */
export const SAME = 2.5;
/** Cost, by appearance and shape alone, up to which a new identity is merged into an old one. */
export const CERTAIN_MATCH = 1.7;

/** Appearance, shape and motion of a face, by which it is compared with others. */
export interface Traces {
  readonly appearance: Float32Array;
  readonly shape: Float64Array;
  /** Of its centre, in picture pixels. */
  readonly position: readonly [number, number];
  /** Of the centre in picture pixels a second. */
  readonly speed: readonly [number, number];
  readonly size: number;
  readonly seconds: number;
}

/** Returns the colours `[8, 8, 3]` of the middle of a crop, without mean and contrast. */
export function appearanceOf(crop: Picture): Float32Array {
  const { data } = reduced(crop, GRID, GRID);
  const side = GRID - 2 * MARGIN;
  const colours = new Float32Array(3 * side * side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const from = 4 * ((row + MARGIN) * GRID + column + MARGIN);
      for (let k = 0; k < 3; k++) colours[3 * (row * side + column) + k] = data[from + k]!;
    }
  }
  const means = [0, 0, 0];
  colours.forEach((value, i) => (means[i % 3]! += value / (side * side)));
  const mean = (means[0]! + means[1]! + means[2]!) / 3;
  const variance = colours.reduce((sum, value) => sum + (value - mean) ** 2, 0) / colours.length;
  return colours.map((value, i) => (value - means[i % 3]!) / Math.max(Math.sqrt(variance), 1));
}

/** Returns the root mean square difference of two appearances. */
export function appearanceDistance(one: Float32Array, other: Float32Array): number {
  return Math.sqrt(one.reduce((sum, value, i) => sum + (value - other[i]!) ** 2, 0) / one.length);
}

/** Returns one minus the cosine of two shapes; 0 where one of them is zero. */
function shapeDistance(one: Float64Array, other: Float64Array): number {
  const norms = Math.hypot(...one) * Math.hypot(...other);
  return norms > 1e-9 ? 1 - one.reduce((sum, value, k) => sum + value * other[k]!, 0) / norms : 0;
}

/**
 * Returns how unlikely two faces are one person.
 *
 * @param cut whether the scene changed in between, so that positions do not count.
 */
export function costOfSame(lost: Traces, found: Traces, cut: boolean): number {
  const shape = shapeDistance(lost.shape, found.shape) / SHAPE_UNIT;
  const cost = appearanceDistance(lost.appearance, found.appearance) / APPEARANCE_UNIT + Math.min(shape, SHAPE_MOST);
  const away = found.seconds - lost.seconds;
  if (cut || away > SHORT) return cost;
  const [x, y] = found.position;
  const apart = (ahead: number): number =>
    Math.hypot(lost.position[0] + ahead * lost.speed[0] - x, lost.position[1] + ahead * lost.speed[1] - y);
  // one that moves on behind something comes out ahead, one that stops does so where it went
  const distance = Math.min(apart(0), apart(away)) / Math.max(lost.size, found.size);
  const near = distance / (REACH + SPEED * away) + Math.abs(Math.log(found.size / lost.size)) / (0.4 + away);
  return near < 1 ? 0.25 * cost + 1.2 * near : cost;
}
