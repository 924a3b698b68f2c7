/** From a picture's landmarks to a face: crop, encode, gate, and turn back to the upright crop. */

import { transformView } from "./camera";
import type { FaceParameters } from "./conventions";
import { compose, cropTransform, faceRoll, inverse, warpCrop, withoutRoll, type Affine, type Picture } from "./crop";
import type { FaceEncoder } from "./faceEncoder";
import type { HeadModel } from "./headModel";
import { gateTongue } from "./tongueGate";

/** One face of a picture. */
export interface EstimatedFace {
  readonly parameters: FaceParameters;
  /** Picture pixels to pixels of the crop that is not rotated, to which the camera belongs. */
  readonly transform: Affine;
}

export class FaceEstimator {
  constructor(readonly head: HeadModel, readonly encoder: FaceEncoder) {}

  /**
   * Returns the face of MediaPipe's landmarks in a picture.
   *
   * @param landmarks x and y in picture pixels, `[478, 2]` flat.
   * @throws Error if the landmarks span no area.
   */
  async estimate(picture: Picture, landmarks: ArrayLike<number>): Promise<EstimatedFace> {
    const cut = cropTransform(landmarks, faceRoll(landmarks));
    const upright = gateTongue(this.head, await this.encoder.predict(warpCrop(picture, cut)));
    const level = withoutRoll(cut);
    const turned = transformView(upright, compose(level, inverse(cut)), this.head.pivot(upright.shape));
    return { parameters: turned, transform: level };
  }
}
