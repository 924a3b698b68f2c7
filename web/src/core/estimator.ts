/** From a face's place in a picture to its parameters: crop, encode, gate, and turn back. */

import type { FaceParameters } from "./conventions";
import type { FaceEncoder } from "./encoder/faceEncoder";
import { projectToCrop, transformView } from "./geometry/camera";
import { cropTransform, faceRoll, planesOf, warpCrop, withoutRoll } from "./geometry/crop";
import { apply, compose, inverse, type Affine, type Picture } from "./geometry/resampling";
import type { HeadModel } from "./head/headModel";
import { gateTongue } from "./head/tongueGate";

/** One face of a picture. */
export interface FaceEstimate {
  readonly parameters: FaceParameters;
  /** Picture pixels to pixels of the crop that is not rotated, to which the camera belongs. */
  readonly transform: Affine;
  /** The crop with the face upright, which the encoder gets. */
  readonly upright: Picture;
  /** The mesh's landmarks x and y in picture pixels. */
  readonly points: Float64Array;
}

export class FaceEstimator {
  /** The head about its landmarks, which are all that an estimate evaluates. */
  private readonly points: HeadModel;

  constructor(readonly head: HeadModel, readonly encoder: FaceEncoder) {
    this.points = head.atLandmarks();
  }

  /**
   * Returns the face of MediaPipe's landmarks in a picture.
   *
   * @param landmarks x and y in picture pixels, `[478, 2]` flat.
   * @throws Error if the landmarks span no area.
   */
  async estimate(picture: Picture, landmarks: ArrayLike<number>): Promise<FaceEstimate> {
    return this.estimateAt(picture, landmarks, faceRoll(landmarks));
  }

  /**
   * Returns the face within an outline.
   *
   * @param outline x and y in picture pixels, flat, of points whose box the crop is cut around.
   * @param roll rotation of the face clockwise in the picture, in radians.
   * @throws Error if the outline spans no area.
   */
  async estimateAt(picture: Picture, outline: ArrayLike<number>, roll: number): Promise<FaceEstimate> {
    const cut = cropTransform(outline, roll);
    const upright = warpCrop(picture, cut);
    const gated = gateTongue(this.points, await this.encoder.predict(planesOf(upright)));
    const level = withoutRoll(cut);
    const parameters = transformView(gated, compose(level, inverse(cut)), this.head.pivot(gated.shape));
    return { parameters, transform: level, upright, points: landmarksInPicture(this.points, parameters, level) };
  }

  /** Returns the crop `[224, 224]` with a face upright; see {@link estimateAt}. */
  upright(picture: Picture, outline: ArrayLike<number>, roll: number): Picture {
    return warpCrop(picture, cropTransform(outline, roll));
  }
}

function landmarksInPicture(head: HeadModel, parameters: FaceParameters, transform: Affine): Float64Array {
  const { points } = head.landmarks(head.mesh(parameters).vertices);
  const seen = projectToCrop(Float32Array.from(points), parameters.camera);
  const back = inverse(transform);
  const found = new Float64Array((2 * seen.length) / 3);
  for (let l = 0; l < seen.length / 3; l++) found.set(apply(back, seen[3 * l]!, seen[3 * l + 1]!), 2 * l);
  return found;
}
