/** Arrays as buffer views and accessors of one glTF. */

/** Number of an accessor. */
export type Accessor = number;

type Values = Float32Array | Uint16Array | Uint32Array;
type Kind = "SCALAR" | "VEC3" | "VEC4" | "MAT4";

/** Numbers in glTF's specification. */
const [UNSIGNED_SHORT, UNSIGNED_INT, FLOAT] = [5123, 5125, 5126];
const [ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER] = [34962, 34963];
const SIZES: Record<Kind, number> = { SCALAR: 1, VEC3: 3, VEC4: 4, MAT4: 16 };

export class GltfBuffer {
  private readonly parts: Uint8Array[] = [];
  private length = 0;
  private readonly views: object[] = [];
  private readonly accessors: object[] = [];
  private resting: Accessor | null = null;

  /** Adds attributes of vertices. */
  vertices(values: Float32Array | Uint16Array, kind: Kind, bounded = false): Accessor {
    return this.accessor(values, kind, ARRAY_BUFFER, bounded);
  }

  /** Adds the corners of triangles. */
  indices(values: Uint32Array): Accessor {
    return this.accessor(values, "SCALAR", ELEMENT_ARRAY_BUFFER, false);
  }

  /** Adds an array that is no vertex attribute. */
  plain(values: Float32Array, kind: Kind, bounded = false): Accessor {
    return this.accessor(values, kind, undefined, bounded);
  }

  /** Adds offsets `[U, 3]` of which only those above a length are stored; all that rest share one. */
  sparse(offsets: Float32Array, still: number): Accessor {
    const moved: number[] = [];
    for (let v = 0; v < offsets.length / 3; v++) {
      if ([0, 1, 2].some((k) => Math.abs(offsets[3 * v + k]!) > still)) moved.push(v);
    }
    if (moved.length) return this.sparseAt(offsets, moved);
    this.resting ??= this.sparseAt(new Float32Array(offsets.length), [0]);
    return this.resting;
  }

  /** Returns the entries of the glTF's JSON. */
  json(): object {
    return { buffers: [{ byteLength: this.length }], bufferViews: this.views, accessors: this.accessors };
  }

  /** Returns the content. */
  bytes(): Uint8Array {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  private accessor(values: Values, kind: Kind, target: number | undefined, bounded: boolean): Accessor {
    return this.accessors.push({
      bufferView: this.view(values, target), componentType: codeOf(values), count: values.length / SIZES[kind], type: kind,
      ...(bounded ? bounds(values, SIZES[kind]) : {}),
    }) - 1;
  }

  private sparseAt(offsets: Float32Array, moved: readonly number[]): Accessor {
    const values = new Float32Array(3 * moved.length);
    moved.forEach((v, row) => values.set(offsets.subarray(3 * v, 3 * v + 3), 3 * row));
    // the vertices that rest are at zero
    const kept = new Float32Array(values.length + (moved.length < offsets.length / 3 ? 3 : 0));
    kept.set(values);
    const ids = Uint32Array.from(moved);
    return this.accessors.push({
      componentType: FLOAT, count: offsets.length / 3, type: "VEC3", ...bounds(kept, 3),
      sparse: {
        count: moved.length, indices: { bufferView: this.view(ids), componentType: UNSIGNED_INT },
        values: { bufferView: this.view(values) },
      },
    }) - 1;
  }

  private view(values: Values, target?: number): number {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
    padded.set(bytes);
    this.parts.push(padded);
    const view = { buffer: 0, byteOffset: this.length, byteLength: bytes.length, ...(target ? { target } : {}) };
    this.length += padded.length;
    return this.views.push(view) - 1;
  }
}

function codeOf(values: Values): number {
  if (values instanceof Float32Array) return FLOAT;
  return values instanceof Uint16Array ? UNSIGNED_SHORT : UNSIGNED_INT;
}

function bounds(values: Values, size: number): { min: number[]; max: number[] } {
  const [min, max] = [new Array<number>(size).fill(Infinity), new Array<number>(size).fill(-Infinity)];
  values.forEach((value, i) => {
    min[i % size] = Math.min(min[i % size]!, value);
    max[i % size] = Math.max(max[i % size]!, value);
  });
  return { min, max };
}
