/** The test vectors that scripts/web_vectors.py wrote. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FaceParameters } from "../src/core";

const folder = process.env["SMIRK3D_WEB_VECTORS"];

/** Returns a JSON file of the vectors. */
export function readVectors<T>(name: string): T {
  return JSON.parse(new TextDecoder().decode(readBytes(name))) as T;
}

/** Returns a file of the vectors. */
export function readBytes(name: string): Uint8Array<ArrayBuffer> {
  if (!folder) throw new Error("set SMIRK3D_WEB_VECTORS to the folder that scripts/web_vectors.py wrote");
  return new Uint8Array(readFileSync(join(folder, name)));
}

/** Returns parameters whose groups are typed arrays. */
export function asParameters(groups: Record<string, number[]>): FaceParameters {
  const entries = Object.entries(groups).map(([name, values]) => [name, Float64Array.from(values)]);
  return Object.fromEntries(entries) as FaceParameters;
}

/** Returns the largest difference of two rows of numbers. @throws Error if they differ in length. */
export function largestDifference(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (found.length !== wanted.length) throw new Error(`${found.length} numbers, not ${wanted.length}`);
  return Array.from(wanted).reduce((worst, value, i) => Math.max(worst, Math.abs(found[i]! - value)), 0);
}

/** Writes a file beside the vectors, for Python to read. */
export function writeFile(name: string, content: string | Uint8Array): void {
  if (!folder) throw new Error("set SMIRK3D_WEB_VECTORS to the folder that scripts/web_vectors.py wrote");
  writeFileSync(join(folder, name), content);
}
