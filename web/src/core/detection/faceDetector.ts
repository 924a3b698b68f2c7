/** Faces and their landmarks, as `preprocessing/mediapipe_detector.py` finds and checks them. */

import { inverse, warp, type Affine, type Picture } from "../geometry/resampling";
import { area, atBorder, boxOf, distinct, faceAt, longerSide, middle, overlap, rollOf, showsOneOf, type Box, type FaceBox } from "./boxes";
import { searchStages, STAGES } from "./faceSearch";

/** The two networks that a detector asks; the page runs MediaPipe's. */
export interface FaceNetworks {
  /** Returns the faces that a box finder sees, those of 0.4 confidence or more. */
  boxes(picture: Picture): FaceBox[];
  /** Returns landmarks `[478, 3]` flat, in the picture's pixels, of the faces that it shows. */
  landmarks(picture: Picture): Float64Array[];
}

/** A face in a picture, in its pixels with centres at +0.5. */
export interface DetectedFace {
  /** Box of the landmarks; parts may lie outside the picture. */
  readonly box: Box;
  /** The box finder's mean confidence at the second look, in [0, 1]. */
  readonly score: number;
  /** x, y and z `[478, 3]` flat, z in the scale of x. */
  readonly landmarks: Float64Array;
}

/** What a quick search of a picture has found. */
export interface Glance {
  /** The largest first. */
  readonly faces: DetectedFace[];
  /** Boxes of what looked like a new face at first sight, and was none. */
  readonly refused: Box[];
}

/** Sides of the upright squares for the second look, as multiples of the found box. */
const SECOND_SCALES = [1.8, 3.5];
/** Side in pixels of these squares. */
const SECOND_SIDE = 192;
/** Sides of the squares given to the landmarker; the tighter one where a neighbour is in the way. */
const REGION_SCALES = [2.5, 1.6];
/** Side in pixels of these squares. */
const REGION_SIDE = 512;
/** Score from which neither another orientation nor the landmarks' stability is checked. */
const CERTAIN = 0.8;
/** Score up to which a candidate is not checked lying otherwise. */
const HOPELESS = 0.15;
/** By how much a candidate that is not certain may lie otherwise than it seems. */
const OTHER_WAYS = [Math.PI, Math.PI / 2, -Math.PI / 2];
/** By how much the score the other way must be higher. */
const FLIP_GAIN = 0.1;
/** How far in box sides the landmarks' box may lie from a candidate's; from one's that lies otherwise. */
const [REACH, REACH_OTHERWISE] = [0.4, 0.5];
/** How far a doubtful face's landmarks may move between two views, in distances of the eye corners. */
const STABLE = 0.06;
/** Overlap over the union of landmark boxes above which two faces are one. */
const SAME_FACE = 0.45;
/** Score at first sight from which a candidate in the whole picture is looked at again. */
const WEAKEST = 0.4;
/** Score that further faces need after the first, except those cut by the border. */
const SECONDARY = 0.7;
/** Score that any face needs at the second look: ears of people in profile score less. */
const CONFIRMED = 0.65;
/** Score at first sight and landmark confidence below which a face is dropped. */
export const LEAST_CONFIDENCE = 0.5;
/** MediaPipe's outer eye corners. */
const [RIGHT_EYE, LEFT_EYE] = [33, 263];

/** Returns x and y of landmarks `[478, 3]` flat. */
export function xyOf(landmarks: Float64Array): Float64Array {
  return landmarks.filter((_, i) => i % 3 < 2);
}

export class FaceDetector {
  constructor(private readonly networks: FaceNetworks) {}

  /** Returns all faces of a picture, the largest first. */
  detect(picture: Picture): DetectedFace[] {
    const faces: DetectedFace[] = [];
    const known: FaceBox[] = [];
    const longest = Math.max(picture.width, picture.height);
    let stage = -1;
    for (const seen of searchStages(picture, this.finder, Math.max(24, longest / 80))) {
      stage++;
      const tiled = stage === STAGES.tiles || stage === STAGES.rotatedTiles;
      for (const candidate of distinct(seen)) {
        // tiles are many, and textures resemble faces a little
        if (candidate.score < (tiled ? LEAST_CONFIDENCE : WEAKEST) || showsOneOf(candidate, known)) continue;
        const doubtful = faces.length && (stage > 0 || !atBorder(candidate.box, picture.width, picture.height));
        const face = this.verified(picture, candidate, !!doubtful);
        if (face && !isOneOf(face.box, faces.map(({ box }) => box))) {
          faces.push(face);
          known.push(candidate);
        }
      }
      if (faces.length && stage >= STAGES.rotated) break;
    }
    return faces.sort((a, b) => area(b.box) - area(a.box));
  }

  /**
   * Returns the faces of a picture beside the known ones, the largest first, and what looked like a
   * new one at first sight and was none.
   *
   * @param known boxes of faces that need not be found again.
   * @param smallest size in pixels of the smallest face to search for in tiles; null for none.
   * @param rotated search the picture rotated by quarters as well, where there is nobody.
   * @param refused boxes of what was no face a moment ago: what looks like one there is not looked at again.
   */
  glance(
    picture: Picture, known: readonly Box[], smallest: number | null, rotated: boolean, refused: readonly Box[] = [],
  ): Glance {
    const seen: FaceBox[] = known.map((box) => ({ ...faceAt(box, 0), score: 1 }));
    const faces: DetectedFace[] = [];
    const noFaces: Box[] = [];
    const last = rotated ? STAGES.rotated : smallest === null ? STAGES.whole : STAGES.tiles;
    let stage = -1;
    for (const found of searchStages(picture, this.finder, smallest ?? Math.max(picture.width, picture.height))) {
      stage++;
      if (stage === STAGES.rotated && faces.length) break;
      for (const candidate of distinct(found)) {
        if (candidate.score < LEAST_CONFIDENCE || showsOneOf(candidate, seen)) continue;
        if (isOneOf(candidate.box, refused)) continue;
        const doubtful = stage > 0 && !atBorder(candidate.box, picture.width, picture.height);
        const face = this.verified(picture, candidate, !!doubtful);
        if (!face || isOneOf(face.box, known)) noFaces.push(candidate.box);
        else if (!isOneOf(face.box, faces.map(({ box }) => box))) {
          faces.push(face);
          seen.push(candidate);
        }
      }
      if (stage === last) break;
    }
    return { faces: faces.sort((a, b) => area(b.box) - area(a.box)), refused: noFaces };
  }

  /** Returns in [0, 1] how certain it is that a face is where one was a frame before. */
  presence(picture: Picture, box: Box, roll: number): number {
    return this.secondScore(picture, faceAt(box, roll), 0, SECOND_SCALES.slice(0, 1));
  }

  /** Returns the face about a box where one was a moment ago, or null. */
  landmarksNear(picture: Picture, box: Box, roll: number): DetectedFace | null {
    return this.landmarks(picture, faceAt(box, roll), 0, this.presence(picture, box, roll), REGION_SCALES);
  }

  private readonly finder = (picture: Picture): FaceBox[] => this.networks.boxes(picture);

  /** Returns the face if a second look confirms it, in the way it lies or another. */
  private verified(picture: Picture, candidate: FaceBox, doubtful: boolean): DetectedFace | null {
    const needed = doubtful ? SECONDARY : CONFIRMED;
    const scoreOf = (way: number): number => this.secondScore(picture, candidate, way, SECOND_SCALES);
    let upright = scoreOf(0);
    const others = upright > HOPELESS && upright < CERTAIN ? OTHER_WAYS.map((way) => [way, scoreOf(way)] as const) : [];
    // the squares around it are half black, so the finder's first sight may be the better
    if (atBorder(candidate.box, picture.width, picture.height)) upright = Math.max(upright, candidate.score);
    const ahead = (way: number, score: number): number => score + (way ? 0 : FLIP_GAIN);
    const ways = [[0, upright] as const, ...others].sort((a, b) => ahead(...b) - ahead(...a));
    for (const [way, score] of ways) {
      if (score < needed) continue;
      const face = this.landmarks(picture, candidate, way, score, REGION_SCALES);
      if (!face) continue;
      if (score >= CERTAIN) return face;
      const again = this.landmarks(picture, candidate, way + 0.2, score, REGION_SCALES.toReversed());
      if (again && distance(face, again, picture) < STABLE) return face;
    }
    return null;
  }

  /** Returns the finder's mean confidence that there is a face in the middle of squares. */
  private secondScore(picture: Picture, candidate: FaceBox, flip: number, scales: readonly number[]): number {
    let sum = 0;
    for (const scale of scales) {
      const square = warp(picture, squareTransform(candidate, scale, SECOND_SIDE, flip), SECOND_SIDE, SECOND_SIDE);
      let best = 0;
      for (const face of this.networks.boxes(square)) {
        const offset = Math.max(...middle(face.box).map((at) => Math.abs(at / SECOND_SIDE - 0.5)));
        if (Math.abs(rollOf(face)) < Math.PI / 4 && offset < 0.5 / scale) best = Math.max(best, face.score);
      }
      sum += best;
    }
    return sum / scales.length;
  }

  private landmarks(
    picture: Picture, candidate: FaceBox, flip: number, score: number, scales: readonly number[],
  ): DetectedFace | null {
    const centre = middle(candidate.box);
    // a face that lies otherwise than it seems lies off what seemed to be its box, too
    const reach = (flip ? REACH_OTHERWISE : REACH) * longerSide(candidate.box);
    for (const scale of scales) {
      const toSquare = squareTransform(candidate, scale, REGION_SIDE, flip);
      const back = inverse(toSquare);
      for (const found of this.networks.landmarks(warp(picture, toSquare, REGION_SIDE, REGION_SIDE))) {
        const landmarks = movedLandmarks(found, back);
        const box = boxOf(landmarks, 3);
        if (middle(box).every((at, k) => Math.abs(at - centre[k]!) < reach)) return { box, score, landmarks };
      }
    }
    return null;
  }
}

function movedLandmarks(points: Float64Array, t: Affine): Float64Array {
  const zoom = Math.hypot(t[0], t[3]);
  const result = new Float64Array(points.length);
  for (let i = 0; i < points.length; i += 3) {
    result[i] = t[0] * points[i]! + t[1] * points[i + 1]! + t[2];
    result[i + 1] = t[3] * points[i]! + t[4] * points[i + 1]! + t[5];
    result[i + 2] = zoom * points[i + 2]!;
  }
  return result;
}

function isOneOf(box: Box, boxes: readonly Box[]): boolean {
  return boxes.some((other) => overlap(other, box).union > SAME_FACE);
}

/** Returns the mean distance of landmarks inside the picture, in distances of the outer eye corners. */
function distance(face: DetectedFace, other: DetectedFace, { width, height }: Picture): number {
  const [one, two] = [face.landmarks, other.landmarks];
  const apart = (p: Float64Array, i: number, q: Float64Array, j: number): number =>
    Math.hypot(...[0, 1, 2].map((k) => p[3 * i + k]! - q[3 * j + k]!));
  let [sum, count] = [0, 0];
  for (let l = 0; l < one.length / 3; l++) {
    const [x, y] = [one[3 * l]!, one[3 * l + 1]!];
    if (!(x > 0 && y > 0 && x < width && y < height)) continue;
    sum += apart(one, l, two, l);
    count++;
  }
  if (!count) return Infinity;
  return sum / count / Math.max(apart(one, RIGHT_EYE, one, LEFT_EYE), 1e-6);
}

/** Returns the transform to a square about a face, upright for its roll and rotated by `flip` more. */
function squareTransform(found: FaceBox, scale: number, side: number, flip: number): Affine {
  const zoom = side / (scale * longerSide(found.box));
  const angle = rollOf(found) + flip;
  const [cos, sin] = [zoom * Math.cos(angle), zoom * Math.sin(angle)];
  const [x, y] = middle(found.box);
  return [cos, sin, side / 2 - cos * x - sin * y, -sin, cos, side / 2 + sin * x - cos * y];
}
