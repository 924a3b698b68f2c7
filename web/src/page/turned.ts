/** A head seen from aside. */

import type { FaceParameters, HeadModel } from "../core";

/** Part of the picture that the head fills. */
const FILLED = 0.9;

/**
 * Returns vertices `[V, 3]` in pixels, y up, of a head turned about the vertical.
 *
 * @param angle radians, from its own front, to which the head pose is not added.
 * @param side width and height of the picture in pixels.
 */
export function turned(head: HeadModel, parameters: FaceParameters, angle: number, side: number): Float32Array {
  const pose = Float64Array.of(0, angle, 0);
  const { vertices } = head.mesh({ ...parameters, head_pose: pose });
  const [low, high] = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]];
  vertices.forEach((value, i) => {
    low[i % 3] = Math.min(low[i % 3]!, value);
    high[i % 3] = Math.max(high[i % 3]!, value);
  });
  const zoom = (FILLED * side) / Math.max(high[0]! - low[0]!, high[1]! - low[1]!);
  return vertices.map((value, i) => {
    const middle = (low[i % 3]! + high[i % 3]!) / 2;
    return (value - middle) * zoom + (i % 3 < 2 ? side / 2 : 0);
  });
}
