/** Square face crops: the one place where picture pixels become crop pixels. */

import { CROP_SCALE, CROP_SIZE } from "./conventions";

/** The first two rows of an affine transform of pixels, row-major. */
export type Affine = readonly [number, number, number, number, number, number];

/** A picture of 8-bit RGBA pixels, as `ImageData`. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray | Uint8Array;
}

/** MediaPipe's landmarks at the upper and lower end of the face's oval, on its middle. */
const [FOREHEAD, CHIN] = [10, 152];

/** Returns a point moved by a transform. */
export function apply(t: Affine, x: number, y: number): [number, number] {
  return [t[0] * x + t[1] * y + t[2], t[3] * x + t[4] * y + t[5]];
}

/** Returns the inverse of a transform. */
export function inverse([a, b, c, d, e, f]: Affine): Affine {
  const det = a * e - b * d;
  return [e / det, -b / det, (b * f - c * e) / det, -d / det, a / det, (c * d - a * f) / det];
}

/** Returns the transform that does `second` after `first`. */
export function compose(second: Affine, first: Affine): Affine {
  const [a, b, c, d, e, f] = second;
  const [g, h, i, j, k, l] = first;
  return [a * g + b * j, a * h + b * k, a * i + b * l + c, d * g + e * j, d * h + e * k, d * i + e * l + f];
}

/**
 * Returns the rotation of a face clockwise in its picture, in radians from -pi to pi.
 *
 * @param landmarks MediaPipe's x and y in picture pixels, `[478, 2]` flat.
 */
export function faceRoll(landmarks: ArrayLike<number>): number {
  const right = landmarks[2 * FOREHEAD]! - landmarks[2 * CHIN]!;
  const down = landmarks[2 * FOREHEAD + 1]! - landmarks[2 * CHIN + 1]!;
  return right || down ? Math.atan2(right, -down) : 0;
}

/**
 * Returns `T_crop_image`: picture pixels to crop pixels, both with pixel centres at +0.5.
 *
 * @param landmarks x and y in picture pixels, `[L, 2]` flat.
 * @param roll rotation of box and crop clockwise in the picture, in radians.
 * @throws Error if the landmarks span no area.
 */
export function cropTransform(landmarks: ArrayLike<number>, roll: number): Affine {
  const [cos, sin] = [Math.cos(roll), Math.sin(roll)];
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < landmarks.length; i += 2) {
    const x = cos * landmarks[i]! + sin * landmarks[i + 1]!;
    const y = cos * landmarks[i + 1]! - sin * landmarks[i]!;
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  }
  const side = (CROP_SCALE * (right - left + bottom - top)) / 2;
  if (!(side > 0) || !Number.isFinite(side)) throw new Error("landmarks span no box to crop");
  const zoom = CROP_SIZE / side;
  return [
    zoom * cos, zoom * sin, -zoom * ((left + right) / 2 - side / 2),
    -zoom * sin, zoom * cos, -zoom * ((top + bottom) / 2 - side / 2),
  ];
}

/** Returns `T_crop_image` of the crop with the same centre and zoom that is not rotated. */
export function withoutRoll(transform: Affine): Affine {
  const zoom = Math.sqrt(Math.abs(transform[0] * transform[4] - transform[1] * transform[3]));
  const [x, y] = apply(inverse(transform), CROP_SIZE / 2, CROP_SIZE / 2);
  return [zoom, 0, CROP_SIZE / 2 - zoom * x, 0, zoom, CROP_SIZE / 2 - zoom * y];
}

/**
 * Returns the crop that `T_crop_image` cuts from a picture, as an encoder takes it.
 *
 * Bilinear, outside the picture black; where the crop is less than half the picture's size, whole
 * blocks of pixels are averaged first, and results are rounded to 8 bits as in Python.
 *
 * @returns RGB planes `[3, 224, 224]` in [0, 1].
 */
export function warpCrop(picture: Picture, transform: Affine): Float32Array {
  const block = Math.floor(1 / Math.sqrt(Math.abs(transform[0] * transform[4] - transform[1] * transform[3])));
  const [region, toCrop] = sourceRegion(picture, transform);
  const reduced = block > 1 ? blockMeans(picture, region, block) : picturePart(picture, region);
  const scale = Math.max(block, 1);
  const back = inverse(compose(toCrop, [scale, 0, 0, 0, scale, 0]));
  const planes = new Float32Array(3 * CROP_SIZE * CROP_SIZE);
  for (let row = 0; row < CROP_SIZE; row++) {
    for (let column = 0; column < CROP_SIZE; column++) {
      const [x, y] = apply(back, column + 0.5, row + 0.5);
      sample(reduced, x - 0.5, y - 0.5, planes, row * CROP_SIZE + column);
    }
  }
  return planes;
}

interface Region { left: number; top: number; right: number; bottom: number }

/** RGB values `[height, width, 3]`. */
interface Colours { width: number; height: number; data: Float32Array | Uint8Array }

function sourceRegion(picture: Picture, transform: Affine): [Region, Affine] {
  const back = inverse(transform);
  const corners = [[0, 0], [CROP_SIZE, 0], [0, CROP_SIZE], [CROP_SIZE, CROP_SIZE]];
  const points = corners.map(([x, y]) => apply(back, x!, y!));
  const margin = 2 / Math.sqrt(Math.abs(transform[0] * transform[4] - transform[1] * transform[3])) + 2;
  const within = (value: number, limit: number): number => Math.min(Math.max(value, 0), limit);
  const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
  const region = {
    left: within(Math.floor(Math.min(...xs) - margin), picture.width),
    top: within(Math.floor(Math.min(...ys) - margin), picture.height),
    right: within(Math.ceil(Math.max(...xs) + margin), picture.width),
    bottom: within(Math.ceil(Math.max(...ys) + margin), picture.height),
  };
  return [region, compose(transform, [1, 0, region.left, 0, 1, region.top])];
}

function picturePart(picture: Picture, { left, top, right, bottom }: Region): Colours {
  const [width, height] = [right - left, bottom - top];
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = 4 * ((row + top) * picture.width + column + left);
      const to = 3 * (row * width + column);
      for (let c = 0; c < 3; c++) data[to + c] = picture.data[from + c]!;
    }
  }
  return { width, height, data };
}

function blockMeans(picture: Picture, region: Region, block: number): Colours {
  const [spanX, spanY] = [region.right - region.left, region.bottom - region.top];
  const [width, height] = [Math.ceil(spanX / block), Math.ceil(spanY / block)];
  const sums = new Float32Array(width * height * 3);
  for (let row = 0; row < spanY; row++) {
    for (let column = 0; column < spanX; column++) {
      const from = 4 * ((row + region.top) * picture.width + column + region.left);
      const to = 3 * (Math.floor(row / block) * width + Math.floor(column / block));
      for (let c = 0; c < 3; c++) sums[to + c]! += picture.data[from + c]!;
    }
  }
  return { width, height, data: sums.map((sum) => Math.round(sum / (block * block))) };
}

function sample(source: Colours, x: number, y: number, planes: Float32Array, pixel: number): void {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [fx, fy] = [x - left, y - top];
  for (let c = 0; c < 3; c++) {
    let sum = 0;
    for (let corner = 0; corner < 4; corner++) {
      const [column, row] = [left + (corner & 1), top + (corner >> 1)];
      if (column < 0 || row < 0 || column >= source.width || row >= source.height) continue;
      const weight = (corner & 1 ? fx : 1 - fx) * (corner & 2 ? fy : 1 - fy);
      sum += weight * source.data[3 * (row * source.width + column) + c]!;
    }
    planes[c * CROP_SIZE * CROP_SIZE + pixel] = Math.round(sum) / 255;
  }
}
