/** Square face crops: the one place where picture pixels become crop pixels. */

import { CROP_SCALE, CROP_SIZE } from "../conventions";
import { apply, inverse, warp, zoomOf, type Affine, type Picture } from "./resampling";

/** MediaPipe's landmarks at the upper and lower end of the face's oval, on its middle. */
const [FOREHEAD, CHIN] = [10, 152];

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
  const zoom = zoomOf(transform);
  const [x, y] = apply(inverse(transform), CROP_SIZE / 2, CROP_SIZE / 2);
  return [zoom, 0, CROP_SIZE / 2 - zoom * x, 0, zoom, CROP_SIZE / 2 - zoom * y];
}

/** Returns the crop `[224, 224]` that `T_crop_image` cuts from a picture. */
export function warpCrop(picture: Picture, transform: Affine): Picture {
  return warp(picture, transform, CROP_SIZE, CROP_SIZE);
}

/** Returns a crop as an encoder takes it: RGB planes `[3, 224, 224]` in [0, 1]. */
export function planesOf({ data }: Picture): Float32Array {
  const count = data.length / 4;
  const planes = new Float32Array(3 * count);
  for (let i = 0; i < count; i++) {
    planes[i] = data[4 * i]! / 255;
    planes[count + i] = data[4 * i + 1]! / 255;
    planes[2 * count + i] = data[4 * i + 2]! / 255;
  }
  return planes;
}
