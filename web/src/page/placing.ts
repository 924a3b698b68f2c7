/** Heads in pixels: where their picture shows them, and seen from aside. */

import { apply, inverse, projectToCrop, type Affine, type FaceParameters, type HeadModel } from "../core";

/** Part of the picture that a turned head fills. */
const FILLED = 0.9;

/** Returns vertices in pixels of the whole picture, y up, larger z nearer. */
export function inPicture(head: HeadModel, parameters: FaceParameters, transform: Affine, height: number): Float32Array {
  const points = projectToCrop(head.mesh(parameters).vertices, parameters.camera);
  const back = inverse(transform);
  for (let i = 0; i < points.length; i += 3) {
    const [x, y] = apply(back, points[i]!, points[i + 1]!);
    [points[i], points[i + 1], points[i + 2]] = [x, height - y, -points[i + 2]! * back[0]];
  }
  return points;
}

/**
 * Returns vertices in pixels, y up, of a head turned about the vertical.
 *
 * @param angle radians, from its own front, to which the head pose is not added.
 * @param side width and height of the picture in pixels.
 */
export function turned(head: HeadModel, parameters: FaceParameters, angle: number, side: number): Float32Array {
  const { vertices } = head.mesh({ ...parameters, head_pose: Float64Array.of(0, angle, 0) });
  const [low, high] = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]];
  for (let i = 0; i < vertices.length; i++) {
    low[i % 3] = Math.min(low[i % 3]!, vertices[i]!);
    high[i % 3] = Math.max(high[i % 3]!, vertices[i]!);
  }
  const zoom = (FILLED * side) / Math.max(high[0]! - low[0]!, high[1]! - low[1]!);
  return vertices.map((value, i) => (value - (low[i % 3]! + high[i % 3]!) / 2) * zoom + (i % 3 < 2 ? side / 2 : 0));
}
