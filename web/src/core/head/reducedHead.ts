/** A head of some vertices alone, which evaluates several times faster. */

import type { Archive, NumberArray, Numbers } from "../files/npz";

/** Arrays whose second last dimension is the vertices, `[K, V, 3]`. */
const BASES = ["shape_basis", "expr_basis", "jaw_basis", "jaw_basis_neg", "eyelid_basis", "gaze_basis", "corrective_basis"];
/** Arrays with a row a vertex. */
const ROWS = ["v_template", "lbs_weights", "part"];
/** Arrays of vertex numbers by which contact moves eyelids, and lips. */
const [LIDS, LIPS] = [["lid_id"], ["lip_id", "lip_pair"]];

/** Returns the arrays of a head file with the vertices that landmarks and contact need. */
export function landmarkArrays(file: Archive): Archive {
  const faces = file.numbers.get("faces")!.data;
  const triangles = file.numbers.get("lmk_mp_tri")!.data;
  const corners = Array.from(triangles, (t) => [0, 1, 2].map((k) => faces[3 * t + k]!)).flat();
  const { arrays, rows } = vertexArrays(file, corners, [...LIDS, ...LIPS]);
  const numbers = new Map(arrays.numbers);
  numbers.set("faces", { shape: [triangles.length, 3], data: rows });
  numbers.set("lmk_mp_tri", { shape: [triangles.length], data: Int32Array.from(triangles, (_, row) => row) });
  return { numbers, texts: file.texts };
}

/**
 * Returns the arrays of a head file with some vertices and those of contact, and the row of each
 * wanted vertex. They have no triangles. Without the lips in `contact` these may overlap.
 */
export function vertexArrays(
  file: Archive, wanted: ArrayLike<number>, contact: readonly string[] = LIDS,
): { arrays: Archive; rows: Int32Array } {
  const numbers = new Map(file.numbers);
  const touched = contact.flatMap((name) => Array.from(file.numbers.get(name)?.data ?? []));
  const kept = Int32Array.from(new Set([...Array.from(wanted), ...touched])).sort();
  const place = new Map(Array.from(kept, (id, row) => [id, row]));
  const renumbered = (ids: ArrayLike<number>): Int32Array => Int32Array.from(Array.from(ids), (id) => place.get(id)!);
  for (const name of contact) {
    const array = file.numbers.get(name);
    if (array) numbers.set(name, { shape: array.shape, data: renumbered(array.data) });
  }
  if (!contact.includes("lip_id")) for (const name of ["lip_id", "lip_pair", "lip_pair_share", "lip_share"]) numbers.delete(name);
  for (const name of [...BASES, ...ROWS]) {
    const array = file.numbers.get(name);
    if (array) numbers.set(name, chosen(array, kept, BASES.includes(name) ? 1 : 0));
  }
  numbers.set("faces", { shape: [0, 3], data: new Int32Array(0) });
  return { arrays: { numbers, texts: file.texts }, rows: renumbered(wanted) };
}

/** Returns an array with some of its vertices, which are dimension `axis`. */
function chosen(array: NumberArray, kept: Int32Array, axis: 0 | 1): NumberArray {
  const vertices = array.shape[axis]!;
  const size = array.shape.slice(axis + 1).reduce((product, n) => product * n, 1);
  const blocks = axis ? array.shape[0]! : 1;
  const make = array.data.constructor as new (length: number) => Numbers;
  const data = new make(blocks * kept.length * size);
  for (let block = 0; block < blocks; block++) {
    kept.forEach((id, row) => {
      const from = (block * vertices + id) * size;
      data.set(array.data.subarray(from, from + size), (block * kept.length + row) * size);
    });
  }
  return { shape: array.shape.map((n, k) => (k === axis ? kept.length : n)), data };
}
