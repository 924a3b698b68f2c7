/** Boxes of faces as a box finder gives them, and how they cover each other. */

/** Left, top, right, bottom in picture pixels. */
export type Box = readonly [number, number, number, number];

/** A face by the box finder, in pixels of its input picture. */
export interface FaceBox {
  /** From the brows to the chin. */
  readonly box: Box;
  /** Confidence in [0, 1]. */
  readonly score: number;
  /** `[6, 2]` flat: right eye, left eye (the subject's), nose tip, mouth, right and left ear. */
  readonly keypoints: readonly number[];
}

/** Returns the rotation of a face clockwise in the picture, in radians. */
export function rollOf({ keypoints }: FaceBox): number {
  return Math.atan2(keypoints[3]! - keypoints[1]!, keypoints[2]! - keypoints[0]!);
}

/** Returns a face that is only known by its box and roll. */
export function faceAt(box: Box, roll: number): FaceBox {
  return { box, score: 0, keypoints: [0, 0, Math.cos(roll), Math.sin(roll)] };
}

/** Returns the box of points `[P, stride]` flat. */
export function boxOf(points: ArrayLike<number>, stride = 2): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < points.length; i += stride) {
    [left, right] = [Math.min(left, points[i]!), Math.max(right, points[i]!)];
    [top, bottom] = [Math.min(top, points[i + 1]!), Math.max(bottom, points[i + 1]!)];
  }
  return [left, top, right, bottom];
}

/** Returns a box's area in square pixels. */
export function area([left, top, right, bottom]: Box): number {
  return Math.max(right - left, 0) * Math.max(bottom - top, 0);
}

/** Returns the middle of a box. */
export function middle([left, top, right, bottom]: Box): [number, number] {
  return [(left + right) / 2, (top + bottom) / 2];
}

/** Returns the longer side of a box. */
export function longerSide([left, top, right, bottom]: Box): number {
  return Math.max(right - left, bottom - top);
}

/** Returns the intersection of two boxes over their union, and over the smaller area. */
export function overlap(one: Box, other: Box): { union: number; smaller: number } {
  const across = Math.max(Math.min(one[2], other[2]) - Math.max(one[0], other[0]), 0);
  const down = Math.max(Math.min(one[3], other[3]) - Math.max(one[1], other[1]), 0);
  const [shared, first, second] = [across * down, area(one), area(other)];
  return {
    union: shared / Math.max(first + second - shared, 1e-30),
    smaller: shared / Math.max(Math.min(first, second), 1e-30),
  };
}

/** Returns whether a face is one of the others, or a part of one of them. */
export function showsOneOf(face: FaceBox, others: readonly FaceBox[]): boolean {
  return others.some((other) => {
    const { union, smaller } = overlap(other.box, face.box);
    const [first, second] = [area(face.box), area(other.box)];
    // much smaller boxes inside a face can be another person's face behind it
    const similar = Math.min(first, second) > 0.1 * Math.max(first, second);
    return union > 0.3 || (smaller > 0.6 && similar);
  });
}

/** Returns the faces without those that show the same as a more certain one, largest first. */
export function distinct(faces: readonly FaceBox[]): FaceBox[] {
  const kept: FaceBox[] = [];
  for (const face of faces.toSorted((a, b) => b.score - a.score)) {
    if (!showsOneOf(face, kept)) kept.push(face);
  }
  return kept.sort((a, b) => area(b.box) - area(a.box));
}

/** Returns whether a box reaches the picture's border. */
export function atBorder([left, top, right, bottom]: Box, width: number, height: number): boolean {
  const [x, y] = [0.1 * (right - left), 0.1 * (bottom - top)];
  return left < x || top < y || right > width - x || bottom > height - y;
}
