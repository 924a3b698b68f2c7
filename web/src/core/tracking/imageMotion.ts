/**
 * Motion of a face in picture coordinates, independent of each frame's crop, as
 * `tracking/motion/image_motion.py`: what is smoothed.
 */

import { CROP_SIZE, type FaceParameters } from "../conventions";
import type { Affine } from "../geometry/resampling";
import { axisAngleToMatrix, matrixToAxisAngle, matrixToQuaternion, quaternionToMatrix, type Matrix3 } from "../geometry/rotations";
import type { HeadModel } from "../head/headModel";
import { MOVING_GROUPS, type MovingGroup } from "../head/ranges";

/** Motion of one face in one frame. */
export interface ImageMotion {
  /** Head pose as a quaternion, real part first. */
  readonly rotation: Float64Array;
  /** Where the head's anchor is seen, in picture pixels. */
  readonly translation: Float64Array;
  /** Natural logarithm of the pixels that a metre spans. */
  readonly logScale: Float64Array;
  readonly groups: Readonly<Record<MovingGroup, Float64Array>>;
}

/** A point in the middle of a head, which a head pose R moves to `R @ arm + pivot`, in metres. */
export class HeadAnchor {
  private constructor(private readonly arm: Float64Array, private readonly pivot: Float64Array) {}

  /** Returns the mean of a head's landmarks. */
  static of(head: HeadModel): HeadAnchor {
    // half turns about x and z change the sign of two coordinates each
    const [still, aboutX, aboutZ] = [[0, 0, 0], [Math.PI, 0, 0], [0, 0, Math.PI]].map((pose) => {
      const { points } = head.landmarks(head.mesh({ ...head.neutral(), head_pose: Float64Array.from(pose) }).vertices);
      const mean = new Float64Array(3);
      points.forEach((value, i) => (mean[i % 3]! += (3 * value) / points.length));
      return mean;
    }) as [Float64Array, Float64Array, Float64Array];
    const pivot = Float64Array.of(
      (still[0]! + aboutZ[0]!) / 2, (still[1]! + aboutX[1]!) / 2, (still[2]! + aboutX[2]!) / 2,
    );
    return new HeadAnchor(still.map((value, k) => value - pivot[k]!), pivot);
  }

  /** Returns the anchor's x and y in metres under a rotation. */
  position(rotation: Matrix3): [number, number] {
    const [x, y] = [0, 1].map((row) =>
      [0, 1, 2].reduce((sum, k) => sum + rotation[3 * row + k]! * this.arm[k]!, this.pivot[row]!),
    );
    return [x!, y!];
  }
}

/** Returns the motion of a face in a crop that is not rotated. */
export function toImage(parameters: FaceParameters, transform: Affine, anchor: HeadAnchor): ImageMotion {
  const pose = parameters.head_pose;
  const rotation = axisAngleToMatrix(pose[0]!, pose[1]!, pose[2]!);
  const [scale, tx, ty] = [parameters.camera[0]!, parameters.camera[1]!, parameters.camera[2]!];
  const [x, y] = anchor.position(rotation);
  const half = CROP_SIZE / 2;
  const zoom = transform[0];
  const [cropX, cropY] = [(scale * (x + tx) + 1) * half, (1 - scale * (y + ty)) * half];
  return {
    rotation: Float64Array.from(matrixToQuaternion(rotation)),
    translation: Float64Array.of((cropX - transform[2]) / zoom, (cropY - transform[5]) / zoom),
    logScale: Float64Array.of(Math.log((scale * half) / zoom)),
    groups: Object.fromEntries(MOVING_GROUPS.map((name) => [name, parameters[name]])) as ImageMotion["groups"],
  };
}

/** Returns parameters that show a motion in a crop; shape and neck are those of `like`. */
export function toCrop(motion: ImageMotion, like: FaceParameters, transform: Affine, anchor: HeadAnchor): FaceParameters {
  const rotation = quaternionToMatrix(motion.rotation);
  const half = CROP_SIZE / 2;
  const zoom = transform[0];
  const scale = (Math.exp(motion.logScale[0]!) * zoom) / half;
  const [x, y] = anchor.position(rotation);
  const seenX = (motion.translation[0]! * zoom + transform[2]) / half - 1;
  const seenY = 1 - (motion.translation[1]! * zoom + transform[5]) / half;
  return {
    ...like,
    ...motion.groups,
    head_pose: Float64Array.from(matrixToAxisAngle(rotation)),
    camera: Float64Array.of(scale, seenX / scale - x, seenY / scale - y),
  };
}
