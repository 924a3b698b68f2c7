/** Cuts between scenes on a coarse grid of pixels, as `tracking/scene_cuts.py`. */

import type { Picture } from "../geometry/resampling";

/** Size of the grid, in the shape of common videos. */
const [ROWS, COLUMNS] = [36, 64];
/** Correlation of brightness between frames up to which they can be different scenes. */
const LIKENESS = 0.6;
/** Mean change of the grid's pixels, of 1, at a cut. */
const PIXEL_CHANGE = 0.08;
/** How many times the usual change between frames a cut is; a late frame may differ as many times more. */
const SUDDENNESS = 3;
/** Weight of the usual change and of the usual time so far. */
const MEMORY = 0.8;

/** Compares each frame with the one before; a pan or a flash is no cut. */
export class SceneCuts {
  private grid: Float32Array | null = null;
  private size = "";
  private seconds = 0;
  private gap = 0;
  private usual = 0;
  private count = 0;

  /** Returns whether a frame, shown at a time, begins another scene. */
  isCut(picture: Picture, seconds: number): boolean {
    const [before, sizeBefore, gap] = [this.grid, this.size, seconds - this.seconds];
    this.seconds = seconds;
    const grid = gridOf(picture);
    this.grid = grid;
    this.size = `${picture.width}x${picture.height}`;
    if (!before) return false;
    const change = grid.reduce((sum, value, i) => sum + Math.abs(value - before[i]!), 0) / grid.length;
    const late = this.gap > 0 ? gap / this.gap : 1;
    const sudden = change > SUDDENNESS * this.usual * Math.max(late, 1) && change > PIXEL_CHANGE;
    const cut = (sudden && likeness(grid, before) < LIKENESS) || this.size !== sizeBefore;
    if (!cut) {
      this.count++;
      const newest = Math.max(1 - MEMORY, 1 / this.count);
      this.usual += newest * (change - this.usual);
      this.gap += newest * (gap - this.gap);
    }
    return cut;
  }
}

function gridOf({ width, height, data }: Picture): Float32Array {
  const grid = new Float32Array(3 * ROWS * COLUMNS);
  for (let row = 0, to = 0; row < ROWS; row++) {
    for (let column = 0; column < COLUMNS; column++) {
      const [x, y] = [Math.floor(((column + 0.5) * width) / COLUMNS), Math.floor(((row + 0.5) * height) / ROWS)];
      for (let k = 0; k < 3; k++) grid[to++] = data[4 * (y * width + x) + k]! / 255;
    }
  }
  return grid;
}

/** Returns the correlation of two grids' brightness; 1 where either is flat. */
function likeness(one: Float32Array, other: Float32Array): number {
  const [a, b] = [one, other].map((grid) => {
    const mean = grid.reduce((sum, value) => sum + value, 0) / grid.length;
    return Float64Array.from({ length: grid.length / 3 }, (_, i) =>
      (grid[3 * i]! + grid[3 * i + 1]! + grid[3 * i + 2]!) / 3 - mean,
    );
  }) as [Float64Array, Float64Array];
  const norms = Math.hypot(...a) * Math.hypot(...b);
  return norms > 1e-6 ? a.reduce((sum, value, i) => sum + value * b[i]!, 0) / norms : 1;
}
