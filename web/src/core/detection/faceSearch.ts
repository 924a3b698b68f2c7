/**
 * Searches a picture for faces that the box finder misses in the whole of it, as
 * `preprocessing/face_search.py`: in tiles, with black around it, and rotated by quarters.
 */

import { framed, part, reduced, rotatedQuarters, type Picture } from "../geometry/resampling";
import { boxOf, type FaceBox } from "./boxes";

/** Returns the faces it sees in a picture. */
export type Finder = (picture: Picture) => FaceBox[];

/** Side of the finder's own input, to which pictures are averaged down without aliasing. */
const INPUT_SIDE = 128;
/** Size of the smallest face that is found reliably, as a fraction of the longest side. */
const SMALLEST_FRACTION = 0.12;
/** Fraction of a tile's side that neighbours have in common. */
const TILE_OVERLAP = 0.25;
/** Standard deviation of grey levels, of 255, below which a tile is sky or wall. */
const FLAT = 5;

/** Numbers of the stages of a search. */
export const STAGES = { whole: 0, tiles: 1, rotated: 2, rotatedTiles: 3 } as const;

/**
 * Yields the faces found in four stages, each slower or less likely to find any.
 *
 * @param smallest size in pixels of the smallest face to look for; sets the size of the tiles.
 */
export function* searchStages(picture: Picture, finder: Finder, smallest: number): Generator<FaceBox[]> {
  const overview = within(picture, Math.min(1, (2 * INPUT_SIDE) / Math.max(picture.width, picture.height)));
  const [zoomX, zoomY] = [picture.width / overview.width, picture.height / overview.height];
  const enlarged = (face: FaceBox): FaceBox => moved(face, [zoomX, 0, 0, zoomY], [0, 0]);
  yield seenWhole(overview, finder).map(enlarged);
  yield seenInTiles(picture, finder, smallest);
  yield seenRotated(overview, (turned) => seenWhole(turned, finder)).map(enlarged);
  yield seenRotated(picture, (turned) => seenInTiles(turned, finder, smallest));
}

/** Searches the whole picture, and once more with black around it for faces at the border. */
function seenWhole(picture: Picture, finder: Finder): FaceBox[] {
  return [0, 0.5].flatMap((fraction) => {
    const side = INPUT_SIDE / (1 + 2 * fraction);
    const small = within(picture, Math.min(1, side / Math.max(picture.width, picture.height)));
    const margin = rounded(Math.max(small.width, small.height) * fraction);
    const [zoomX, zoomY] = [picture.width / small.width, picture.height / small.height];
    const seen = finder(framed(small, margin));
    return seen.map((face) => moved(face, [zoomX, 0, 0, zoomY], [-margin * zoomX, -margin * zoomY]));
  });
}

function seenInTiles(picture: Picture, finder: Finder, smallest: number): FaceBox[] {
  const found: FaceBox[] = [];
  const { width, height } = picture;
  let level = picture;
  for (const side of tileSides(width, height, smallest).reverse()) {
    level = within(level, Math.min(1, ((INPUT_SIDE / side) * width) / level.width));
    const [zoomX, zoomY] = [width / level.width, height / level.height];
    const smallSide = side / Math.max(zoomX, zoomY);
    const end = Math.ceil(smallSide);
    for (const top of tileStarts(level.height, smallSide)) {
      for (const left of tileStarts(level.width, smallSide)) {
        const tile = part(level, left, top, Math.min(end, level.width - left), Math.min(end, level.height - top));
        if (contrast(tile) < FLAT) continue;
        found.push(...finder(tile).map((face) => moved(face, [zoomX, 0, 0, zoomY], [left * zoomX, top * zoomY])));
      }
    }
  }
  return found;
}

/** Returns the sides of tiles, halved level by level down to one that shows the smallest face well. */
function tileSides(width: number, height: number, smallest: number): number[] {
  const finest = Math.max(smallest / SMALLEST_FRACTION, INPUT_SIDE);
  const sides: number[] = [];
  for (let side = Math.max(width, height); side > finest;) {
    side = Math.max(side / 2, finest);
    sides.push(side);
  }
  return sides;
}

/** Returns the starts of evenly spaced tiles that cover a length. */
function tileStarts(length: number, side: number): number[] {
  const free = length - side;
  if (free <= 0) return [0];
  const count = Math.ceil(free / (side * (1 - TILE_OVERLAP))) + 1;
  return Array.from({ length: count }, (_, i) => Math.floor((i * free) / (count - 1)));
}

/** Searches the picture rotated anticlockwise by a quarter, a half and three quarters. */
function seenRotated(picture: Picture, search: Finder): FaceBox[] {
  const { width, height } = picture;
  const back = [
    [1, [0, -1, 1, 0], [width, 0]], [2, [-1, 0, 0, -1], [width, height]], [3, [0, 1, -1, 0], [0, height]],
  ] as const;
  return back.flatMap(([quarters, matrix, shift]) =>
    search(rotatedQuarters(picture, quarters)).map((face) => moved(face, matrix, shift)),
  );
}

function within(picture: Picture, zoom: number): Picture {
  if (zoom >= 1) return picture;
  return reduced(picture, Math.max(1, rounded(picture.width * zoom)), Math.max(1, rounded(picture.height * zoom)));
}

/** Rounds halves to even, as Python does. */
function rounded(value: number): number {
  const whole = Math.round(value);
  return Math.abs(value % 1) === 0.5 && whole % 2 ? whole - 1 : whole;
}

/** Returns the standard deviation of every fourth pixel's levels. */
function contrast({ width, height, data }: Picture): number {
  let [count, sum, squares] = [0, 0, 0];
  for (let row = 0; row < height; row += 4) {
    for (let column = 0; column < width; column += 4) {
      for (let k = 0; k < 3; k++) {
        const level = data[4 * (row * width + column) + k]!;
        count++;
        sum += level;
        squares += level * level;
      }
    }
  }
  return Math.sqrt(Math.max(squares / count - (sum / count) ** 2, 0));
}

/** Returns the face after `point -> matrix @ point + shift`. */
function moved(
  face: FaceBox, [a, b, c, d]: readonly [number, number, number, number], [x, y]: readonly [number, number],
): FaceBox {
  const move = (points: readonly number[]): number[] => {
    const result: number[] = [];
    for (let i = 0; i < points.length; i += 2) {
      result.push(a * points[i]! + b * points[i + 1]! + x, c * points[i]! + d * points[i + 1]! + y);
    }
    return result;
  };
  return { box: boxOf(move(face.box)), score: face.score, keypoints: move(face.keypoints) };
}
