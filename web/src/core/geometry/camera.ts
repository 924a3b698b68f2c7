/** The scaled-orthographic camera of a crop, and similarities between crops of one picture. */

import { CROP_SIZE, type FaceParameters } from "../conventions";
import { axisAngleToMatrix, matrixToAxisAngle, multiply } from "./rotations";
import { apply, type Affine } from "./resampling";

/**
 * Returns pixel coordinates of a crop `[V, 3]` of posed vertices `[V, 3]` in metres.
 *
 * The third column is the depth in pixels, larger farther away.
 */
export function projectToCrop(vertices: Float32Array, camera: ArrayLike<number>): Float32Array {
  const [scale, tx, ty] = [camera[0]!, camera[1]!, camera[2]!];
  const half = CROP_SIZE / 2;
  const pixels = new Float32Array(vertices.length);
  for (let i = 0; i < vertices.length; i += 3) {
    pixels[i] = (scale * (vertices[i]! + tx) + 1) * half;
    pixels[i + 1] = (1 - scale * (vertices[i + 1]! + ty)) * half;
    pixels[i + 2] = -scale * vertices[i + 2]! * half;
  }
  return pixels;
}

/**
 * Returns parameters with head pose and camera of another crop of the same picture.
 *
 * @param parameters one face in the frame of the source crop.
 * @param transform `T_target_source`, a similarity in pixels without reflection.
 * @param pivot the point in metres about which the head pose rotates.
 */
export function transformView(
  parameters: FaceParameters, transform: Affine, pivot: ArrayLike<number>,
): FaceParameters {
  const [a, b, , d, e] = transform;
  const zoom = Math.sqrt(a * e - b * d);
  const pose = parameters.head_pose;
  // clockwise in the picture (y down) is negative about head space's z
  const rotated = multiply(
    axisAngleToMatrix(0, 0, -Math.atan2(d, a)), axisAngleToMatrix(pose[0]!, pose[1]!, pose[2]!),
  );
  const [scale, tx, ty] = [parameters.camera[0]!, parameters.camera[1]!, parameters.camera[2]!];
  const half = CROP_SIZE / 2;
  const [px, py] = [pivot[0]!, pivot[1]!];
  const [x, y] = apply(transform, (scale * (px + tx) + 1) * half, (1 - scale * (py + ty)) * half);
  const newScale = scale * zoom;
  return {
    ...parameters,
    head_pose: Float64Array.from(matrixToAxisAngle(rotated)),
    camera: Float64Array.of(
      newScale, (x / half - 1) / newScale - px, (1 - y / half) / newScale - py,
    ),
  };
}
