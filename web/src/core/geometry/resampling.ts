/** Pictures cut, reduced and rotated as OpenCV does it in Python: results are rounded to 8 bits. */

/** The first two rows of an affine transform of pixels, row-major; pixel centres at +0.5. */
export type Affine = readonly [number, number, number, number, number, number];

/** A picture of 8-bit RGBA pixels, as `ImageData`. Alpha is not read, and is opaque in results. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer> | Uint8Array<ArrayBuffer>;
}

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

/** Returns by how much a similarity enlarges. */
export function zoomOf(t: Affine): number {
  return Math.sqrt(Math.abs(t[0] * t[4] - t[1] * t[3]));
}

/**
 * Returns the part of a picture that a transform from its pixels to those of the result shows.
 *
 * Bilinear, outside the picture black; where the result is less than half the picture's size, whole
 * blocks of pixels are averaged first.
 */
export function warp(picture: Picture, transform: Affine, width: number, height: number): Picture {
  const block = Math.floor(1 / zoomOf(transform));
  if (block < 2) return sampled(picture, inverse(transform), width, height);
  const [region, toResult] = sourceRegion(picture, transform, width, height);
  const reduced = blockMeans(picture, region, block);
  return sampled(reduced, inverse(compose(toResult, [block, 0, 0, 0, block, 0])), width, height);
}

/** Returns a picture reduced to a size by averaging; enlarging is not for this function. */
export function reduced(picture: Picture, width: number, height: number): Picture {
  if (width === picture.width && height === picture.height) return picture;
  const columns = coverage(picture.width, width);
  const rows = coverage(picture.height, height);
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  const line = new Float32Array(3 * picture.width);
  for (let row = 0; row < height; row++) {
    line.fill(0);
    for (let i = rows.starts[row]!, k = rows.offsets[row]!; k < rows.offsets[row + 1]!; i++, k++) {
      const weight = rows.weights[k]!;
      for (let x = 0, from = 4 * i * picture.width; x < line.length; from += 4) {
        line[x++]! += weight * picture.data[from]!;
        line[x++]! += weight * picture.data[from + 1]!;
        line[x++]! += weight * picture.data[from + 2]!;
      }
    }
    for (let column = 0; column < width; column++) {
      let [red, green, blue] = [0, 0, 0];
      let from = 3 * columns.starts[column]!;
      for (let k = columns.offsets[column]!; k < columns.offsets[column + 1]!; k++, from += 3) {
        const weight = columns.weights[k]!;
        red += weight * line[from]!;
        green += weight * line[from + 1]!;
        blue += weight * line[from + 2]!;
      }
      const to = 4 * (row * width + column);
      [data[to], data[to + 1], data[to + 2]] = [red, green, blue];
    }
  }
  return { width, height, data };
}

/** Returns a part of a picture, which must lie inside. */
export function part(picture: Picture, left: number, top: number, width: number, height: number): Picture {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let row = 0; row < height; row++) {
    const from = 4 * ((top + row) * picture.width + left);
    data.set(picture.data.subarray(from, from + 4 * width), 4 * row * width);
  }
  return { width, height, data };
}

/** Returns a picture with black around it. */
export function framed(picture: Picture, margin: number): Picture {
  if (!margin) return picture;
  const [width, height] = [picture.width + 2 * margin, picture.height + 2 * margin];
  const data = new Uint8ClampedArray(4 * width * height);
  for (let i = 3; i < data.length; i += 4) data[i] = 255;
  for (let row = 0; row < picture.height; row++) {
    const from = 4 * row * picture.width;
    data.set(picture.data.subarray(from, from + 4 * picture.width), 4 * ((row + margin) * width + margin));
  }
  return { width, height, data };
}

/** Returns a picture rotated anticlockwise by a number of quarters. */
export function rotatedQuarters(picture: Picture, quarters: number): Picture {
  const { width, height } = picture;
  const across = quarters % 2 === 1;
  const [newWidth, newHeight] = across ? [height, width] : [width, height];
  const from = new Uint32Array(picture.data.buffer, picture.data.byteOffset, width * height);
  const to = new Uint32Array(width * height);
  for (let row = 0; row < newHeight; row++) {
    for (let column = 0; column < newWidth; column++) {
      const [x, y] = quarters === 1 ? [width - 1 - row, column]
        : quarters === 2 ? [width - 1 - column, height - 1 - row] : [row, height - 1 - column];
      to[row * newWidth + column] = from[y * width + x]!;
    }
  }
  return { width: newWidth, height: newHeight, data: new Uint8ClampedArray(to.buffer) };
}

function sampled(source: Picture, back: Affine, width: number, height: number): Picture {
  const data = new Uint8ClampedArray(4 * width * height);
  const [pixels, across, down] = [source.data, source.width, source.height];
  const [a, b, c, d, e, f] = back;
  const at = (column: number, row: number, channel: number): number =>
    column < 0 || row < 0 || column >= across || row >= down ? 0 : pixels[4 * (row * across + column) + channel]!;
  for (let row = 0, to = 0; row < height; row++) {
    for (let column = 0; column < width; column++, to += 4) {
      const x = a * (column + 0.5) + b * (row + 0.5) + c - 0.5;
      const y = d * (column + 0.5) + e * (row + 0.5) + f - 0.5;
      const [left, top] = [Math.floor(x), Math.floor(y)];
      const [fx, fy] = [x - left, y - top];
      data[to + 3] = 255;
      if (left >= 0 && top >= 0 && left < across - 1 && top < down - 1) {
        const from = 4 * (top * across + left);
        const below = from + 4 * across;
        for (let k = 0; k < 3; k++) {
          const upper = pixels[from + k]! + fx * (pixels[from + 4 + k]! - pixels[from + k]!);
          const lower = pixels[below + k]! + fx * (pixels[below + 4 + k]! - pixels[below + k]!);
          data[to + k] = upper + fy * (lower - upper);
        }
      } else if (left >= -1 && top >= -1 && left < across && top < down) {
        for (let k = 0; k < 3; k++) {
          const upper = (1 - fx) * at(left, top, k) + fx * at(left + 1, top, k);
          const lower = (1 - fx) * at(left, top + 1, k) + fx * at(left + 1, top + 1, k);
          data[to + k] = (1 - fy) * upper + fy * lower;
        }
      }
    }
  }
  return { width, height, data };
}

interface Region { left: number; top: number; right: number; bottom: number }

function sourceRegion(picture: Picture, transform: Affine, width: number, height: number): [Region, Affine] {
  const back = inverse(transform);
  const corners = [[0, 0], [width, 0], [0, height], [width, height]];
  const points = corners.map(([x, y]) => apply(back, x!, y!));
  const margin = 2 / zoomOf(transform) + 2;
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

function blockMeans(picture: Picture, region: Region, block: number): Picture {
  const [spanX, spanY] = [region.right - region.left, region.bottom - region.top];
  const [width, height] = [Math.ceil(spanX / block), Math.ceil(spanY / block)];
  const sums = new Float32Array(width * height * 3);
  for (let row = 0; row < spanY; row++) {
    const line = 3 * Math.floor(row / block) * width;
    let from = 4 * ((row + region.top) * picture.width + region.left);
    for (let column = 0; column < spanX; column++, from += 4) {
      const to = line + 3 * Math.floor(column / block);
      sums[to]! += picture.data[from]!;
      sums[to + 1]! += picture.data[from + 1]!;
      sums[to + 2]! += picture.data[from + 2]!;
    }
  }
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let k = 0; k < 3; k++) data[4 * pixel + k] = sums[3 * pixel + k]! / (block * block);
  }
  return { width, height, data };
}

/** Which pixels each pixel of a reduced line covers, and by how much of itself. */
interface Coverage { starts: Int32Array; offsets: Int32Array; weights: Float32Array }

function coverage(from: number, to: number): Coverage {
  const size = from / to;
  const starts = new Int32Array(to);
  const offsets = new Int32Array(to + 1);
  const weights: number[] = [];
  for (let i = 0; i < to; i++) {
    const [begin, end] = [i * size, Math.min((i + 1) * size, from)];
    starts[i] = Math.floor(begin + 1e-6);
    for (let k = starts[i]!; k < end - 1e-6; k++) {
      weights.push((Math.min(k + 1, end) - Math.max(k, begin)) / (end - begin));
    }
    offsets[i + 1] = weights.length;
  }
  return { starts, offsets, weights: Float32Array.from(weights) };
}
