/** From a face's place in a picture to its parameters: crop, encode, gate, and turn back. */

import { CROP_SIZE, GROUPS, type FaceParameters } from "./conventions";
import { boxOf } from "./detection/boxes";
import type { Evidence, FaceEncoder } from "./encoder/faceEncoder";
import { projectToCrop, transformView } from "./geometry/camera";
import { cropTransform, faceRoll, planesOf, warpCrop, withoutRoll } from "./geometry/crop";
import { apply, compose, inverse, type Affine, type Picture } from "./geometry/resampling";
import type { HeadModel } from "./head/headModel";
import { ParameterMirror } from "./head/parameterMirror";
import { gateTongue } from "./head/tongueGate";
import { JointEstimator } from "./joint/jointEstimate";

/** Side of the square around a face as a multiple of the mesh's landmark box; from face_views.py. */
const SCALE = 1.4;
/** Enlargements of the mirror images that are looked at beside the square. */
const MIRRORED = [0.93, 1.07];
/** Largest shift in half crops, and enlargement or its inverse, of that square. */
const [FARTHEST, MOST_ZOOM] = [0.3, 1.4];

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

  /**
   * Returns the mean of what the network says of a crop `[3, 224, 224]` around the face that it sees,
   * and of its mirror image, smaller and larger; in the frame of the crop given.
   */
  private async evidenceOfViews(crop: Float32Array): Promise<Evidence> {
    const mirror = (this.mirror ??= new ParameterMirror(this.head));
    const square = this.squareOf(await this.encoder.predict(crop));
    const plain = seenFrom(await this.encoder.evidence(enlarged(crop, square)), square);
    const [parameters, std] = [[plain.parameters], [plain.std]];
    for (const factor of mirror.isExact ? MIRRORED : []) {
      const other = { ...square, zoom: square.zoom * factor };
      const said = await this.encoder.evidence(flipped(enlarged(crop, other)));
      // a mirror gives signs to parameters that standard deviations do not have
      const signed = { parameters: mirror.mirrored(said.parameters), std: sizes(mirror.mirrored(said.std)) };
      const seen = seenFrom({ ...said, ...signed }, other);
      parameters.push(seen.parameters);
      std.push(seen.std);
    }
    return { ...plain, parameters: mean(parameters), std: mean(std) };
  }

  /** Returns the square of a crop around a face that was seen in it. */
  private squareOf(parameters: FaceParameters): Square {
    const { points } = this.points.landmarks(this.points.mesh(parameters).vertices);
    const seen = projectToCrop(Float32Array.from(points), parameters.camera);
    const [left, top, right, bottom] = boxOf(seen, 3);
    const [x, y] = [left + right, top + bottom].map((sum) =>
      Math.min(Math.max(sum / CROP_SIZE - 1, -FARTHEST), FARTHEST));
    const zoom = (2 * CROP_SIZE) / (SCALE * (right - left + bottom - top));
    return { x: x!, y: y!, zoom: Math.min(Math.max(zoom, 1 / MOST_ZOOM), MOST_ZOOM) };
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

/** A square of a crop: its middle in device coordinates, y down, and by how much it is enlarged. */
interface Square { readonly x: number; readonly y: number; readonly zoom: number }

/** Returns a square of planes `[3, 224, 224]` at their size, bilinear; beyond the edges the outermost pixels. */
function enlarged(planes: Float32Array, { x: middle, y: height, zoom }: Square): Float32Array {
  const size = CROP_SIZE;
  const along = (centre: number): (readonly [number, number])[] => Array.from({ length: size }, (_, i) => {
    const place = ((((i + 0.5) * 2) / size - 1) / zoom + centre + 1) * (size / 2) - 0.5;
    const inside = Math.min(Math.max(place, 0), size - 1);
    return [Math.min(Math.floor(inside), size - 2), inside] as const;
  });
  const [across, down] = [along(middle), along(height)];
  const [wide, result] = [new Float32Array(planes.length), new Float32Array(planes.length)];
  for (let row = 0; row < 3 * size; row++) {
    across.forEach(([low, place], x) => {
      const from = row * size + low;
      wide[row * size + x] = planes[from]! * (low + 1 - place) + planes[from + 1]! * (place - low);
    });
  }
  for (let plane = 0; plane < 3; plane++) {
    down.forEach(([low, place], y) => {
      const [from, to] = [(plane * size + low) * size, (plane * size + y) * size];
      for (let x = 0; x < size; x++) {
        result[to + x] = wide[from + x]! * (low + 1 - place) + wide[from + size + x]! * (place - low);
      }
    });
  }
  return result;
}

/** Returns what was said about a square of a crop for the crop itself. */
function seenFrom(said: Evidence, { x, y, zoom }: Square): Evidence {
  const [enlargedScale, right, up] = said.parameters.camera;
  const [deviation, ...place] = said.std.camera;
  const scale = enlargedScale! / zoom;
  return {
    ...said,
    parameters: { ...said.parameters, camera: Float64Array.of(scale, right! + x / scale, up! - y / scale) },
    std: { ...said.std, camera: Float64Array.of(deviation! / zoom, ...place) },
    points: said.points.map((value, i) => (i % 2 ? y : x) + value / zoom),
    pointsStd: said.pointsStd.map((value) => value / zoom),
  };
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
