/** Linear offsets of vertices, each row stored only where it moves something. */

import type { NumberArray } from "../files/npz";

interface Row {
  /** Vertices that move; null where most do. */
  ids: Int32Array | null;
  values: Float32Array;
}

/** Rows of offsets in metres, added by weight. */
export class Offsets {
  private readonly rows: Row[] = [];

  /** @param blocks arrays `[K, V, 3]` whose rows follow each other. */
  constructor(blocks: readonly NumberArray[]) {
    for (const block of blocks) {
      const size = block.shape.slice(1).reduce((product, n) => product * n, 1);
      for (let k = 0; k < block.shape[0]!; k++) {
        this.rows.push(row(block.data.subarray(k * size, (k + 1) * size) as Float32Array));
      }
    }
  }

  get count(): number {
    return this.rows.length;
  }

  /** Adds the first rows to vertices `[V, 3]`, each times its weight. */
  addFirst(vertices: Float32Array, weights: ArrayLike<number>): void {
    let index = 0;
    // four at a time: vertices are read and written a quarter as often
    for (; index + 4 <= weights.length; index += 4) {
      const four = this.rows.slice(index, index + 4);
      if (four.some(({ ids }) => ids !== null)) break;
      const [a, b, c, d] = four.map(({ values }) => values) as [Float32Array, Float32Array, Float32Array, Float32Array];
      const [p, q, r, s] = [weights[index]!, weights[index + 1]!, weights[index + 2]!, weights[index + 3]!];
      for (let i = 0; i < vertices.length; i++) vertices[i]! += p * a[i]! + q * b[i]! + r * c[i]! + s * d[i]!;
    }
    for (; index < weights.length; index++) this.add(vertices, index, weights[index]!);
  }

  /** Adds `weight` times a row to vertices `[V, 3]`. */
  add(vertices: Float32Array, index: number, weight: number): void {
    if (!weight) return;
    const { ids, values } = this.rows[index]!;
    if (ids === null) {
      for (let i = 0; i < values.length; i++) vertices[i]! += weight * values[i]!;
      return;
    }
    for (let i = 0; i < ids.length; i++) {
      const at = 3 * ids[i]!;
      vertices[at]! += weight * values[3 * i]!;
      vertices[at + 1]! += weight * values[3 * i + 1]!;
      vertices[at + 2]! += weight * values[3 * i + 2]!;
    }
  }
}

function row(values: Float32Array): Row {
  const moved: number[] = [];
  for (let v = 0; v < values.length / 3; v++) {
    if (values[3 * v] || values[3 * v + 1] || values[3 * v + 2]) moved.push(v);
  }
  if (moved.length > values.length / 6) return { ids: null, values };
  const kept = new Float32Array(3 * moved.length);
  moved.forEach((v, i) => kept.set(values.subarray(3 * v, 3 * v + 3), 3 * i));
  return { ids: Int32Array.from(moved), values: kept };
}
