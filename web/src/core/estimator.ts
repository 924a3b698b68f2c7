/** From a face's place in a picture to its parameters: crop, encode, gate, and turn back. */

import { CROP_SIZE, GROUPS, type FaceParameters } from "./conventions";
import type { Evidence, FaceEncoder } from "./encoder/faceEncoder";
import { projectToCrop, transformView } from "./geometry/camera";
import { cropTransform, faceRoll, planesOf, warpCrop, withoutRoll } from "./geometry/crop";
import { apply, compose, inverse, type Affine, type Picture } from "./geometry/resampling";
import type { HeadModel } from "./head/headModel";
import { ParameterMirror } from "./head/parameterMirror";
import { gateTongue } from "./head/tongueGate";
import { JointEstimator } from "./joint/jointEstimate";

/** Enlargements in which the mirrored crop of a photo is looked at. */
const ZOOMS = [0.93, 1.07];

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
  private mirror: ParameterMirror | null = null;

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
   * of several views of the crop and the landmarks together; from the network alone where it
   * gives no standard deviations.
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
    const found = this.joint.estimate(await this.evidenceOfViews(planesOf(upright)), seen);
    return this.turnedBack(found, cut, upright);
  }

  /** Returns the mean of what the network says of a crop `[3, 224, 224]`, and mirrored, smaller and larger. */
  private async evidenceOfViews(crop: Float32Array): Promise<Evidence> {
    const mirror = (this.mirror ??= new ParameterMirror(this.head));
    const plain = await this.encoder.evidence(crop);
    const other = mirror.isExact ? flipped(crop) : crop;
    const [parameters, std] = [[plain.parameters], [plain.std]];
    for (const zoom of ZOOMS) {
      const said = await this.encoder.evidence(enlarged(other, zoom));
      const back = (values: FaceParameters): FaceParameters =>
        smaller(mirror.isExact ? mirror.mirrored(values) : values, zoom);
      parameters.push(back(said.parameters));
      // a mirror gives signs to parameters that standard deviations do not have
      std.push(sizes(back(said.std)));
    }
    return { ...plain, parameters: mean(parameters), std: mean(std) };
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

/** Returns planes `[3, 224, 224]` with left and right exchanged. */
function flipped(planes: Float32Array): Float32Array {
  const last = CROP_SIZE - 1;
  return planes.map((_, i) => planes[i + last - 2 * (i % CROP_SIZE)]!);
}

/** Returns planes `[3, 224, 224]` enlarged about their middle, bilinear; beyond the edges the outermost pixels. */
function enlarged(planes: Float32Array, zoom: number): Float32Array {
  const size = CROP_SIZE;
  const places = Array.from({ length: size }, (_, i) =>
    Math.min(Math.max((i + 0.5 - size / 2) / zoom + size / 2 - 0.5, 0), size - 1));
  const taps = places.map((place) => [Math.min(Math.floor(place), size - 2), place] as const);
  const [wide, result] = [new Float32Array(planes.length), new Float32Array(planes.length)];
  for (let row = 0; row < 3 * size; row++) {
    taps.forEach(([low, place], x) => {
      const from = row * size + low;
      wide[row * size + x] = planes[from]! * (low + 1 - place) + planes[from + 1]! * (place - low);
    });
  }
  for (let plane = 0; plane < 3; plane++) {
    taps.forEach(([low, place], y) => {
      const [from, to] = [(plane * size + low) * size, (plane * size + y) * size];
      for (let x = 0; x < size; x++) {
        result[to + x] = wide[from + x]! * (low + 1 - place) + wide[from + size + x]! * (place - low);
      }
    });
  }
  return result;
}

/** Returns what was found in an enlarged crop for the crop itself. */
function smaller(parameters: FaceParameters, zoom: number): FaceParameters {
  const [scale, ...place] = parameters.camera;
  return { ...parameters, camera: Float64Array.of(scale! / zoom, ...place) };
}

function mean(views: readonly FaceParameters[]): FaceParameters {
  const groups = GROUPS.map((group) => [group, views[0]![group].map((_, i) =>
    views.reduce((sum, view) => sum + view[group][i]!, 0) / views.length)]);
  return Object.fromEntries(groups) as FaceParameters;
}

function sizes(parameters: FaceParameters): FaceParameters {
  return Object.fromEntries(GROUPS.map((group) => [group, parameters[group].map(Math.abs)])) as FaceParameters;
}

function landmarksInPicture(head: HeadModel, parameters: FaceParameters, transform: Affine): Float64Array {
  const { points } = head.landmarks(head.mesh(parameters).vertices);
  const seen = projectToCrop(Float32Array.from(points), parameters.camera);
  const back = inverse(transform);
  const found = new Float64Array((2 * seen.length) / 3);
  for (let l = 0; l < seen.length / 3; l++) found.set(apply(back, seen[3 * l]!, seen[3 * l + 1]!), 2 * l);
  return found;
}
