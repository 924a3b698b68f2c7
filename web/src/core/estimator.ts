/** From a face's place in a picture to its parameters: crop, encode, gate, and turn back. */

import type { FaceParameters } from "./conventions";
import type { FaceEncoder } from "./encoder/faceEncoder";
import { projectToCrop, transformView } from "./geometry/camera";
import { cropTransform, faceRoll, planesOf, warpCrop, withoutRoll } from "./geometry/crop";
import { apply, compose, inverse, type Affine, type Picture } from "./geometry/resampling";
import type { HeadModel } from "./head/headModel";
import { gateTongue } from "./head/tongueGate";
import { JointEstimator } from "./joint/jointEstimate";

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
  private joint: JointEstimator | null = null;

  constructor(readonly head: HeadModel, readonly encoder: FaceEncoder) {
    this.points = head.atLandmarks();
  }

  /**
   * Returns the face of MediaPipe's landmarks in a picture, by the network alone.
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
    return this.turnedBack(await this.encoder.predict(planesOf(upright)), cut, upright);
  }

  /**
   * Returns the most probable face of MediaPipe's landmarks in a picture, from what the network says
   * and the landmarks together; from the network alone where it gives no standard deviations.
   *
   * @param landmarks x and y in picture pixels, `[478, 2]` flat.
   * @throws Error if the landmarks span no area.
   */
  async estimateJointly(picture: Picture, landmarks: ArrayLike<number>): Promise<FaceEstimate> {
    if (!this.encoder.isUncertain) return this.estimate(picture, landmarks);
    this.joint ??= new JointEstimator(this.head, this.encoder);
    const cut = cropTransform(landmarks, faceRoll(landmarks));
    const upright = warpCrop(picture, cut);
    const seen = new Float64Array(landmarks.length);
    for (let i = 0; i < seen.length; i += 2) seen.set(apply(cut, landmarks[i]!, landmarks[i + 1]!), i);
    const found = this.joint.estimate(await this.encoder.evidence(planesOf(upright)), seen);
    return this.turnedBack(found, cut, upright);
  }

  private turnedBack(found: FaceParameters, cut: Affine, upright: Picture): FaceEstimate {
    const gated = gateTongue(this.points, found);
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
