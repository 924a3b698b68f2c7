/** A head of the vertices about its landmarks alone, which evaluates several times faster. */

import type { Archive, NumberArray, Numbers } from "../files/npz";

/** Arrays whose second last dimension is the vertices, `[K, V, 3]`. */
const BASES = ["shape_basis", "expr_basis", "jaw_basis", "jaw_basis_neg", "eyelid_basis", "gaze_basis", "corrective_basis"];
/** Arrays with a row a vertex. */
const ROWS = ["v_template", "lbs_weights", "part"];
/** Arrays of vertex numbers by which contact moves others. */
const CONTACT = ["lid_id", "lip_id", "lip_pair"];

/** Returns the arrays of a head file with the vertices that landmarks and contact need. */
export function landmarkArrays(file: Archive): Archive {
  const numbers = new Map(file.numbers);
  const faces = file.numbers.get("faces")!.data;
  const triangles = file.numbers.get("lmk_mp_tri")!.data;
  const corners = Array.from(triangles, (t) => [0, 1, 2].map((k) => faces[3 * t + k]!)).flat();
  const touched = CONTACT.flatMap((name) => Array.from(file.numbers.get(name)?.data ?? []));
  const kept = Int32Array.from(new Set([...corners, ...touched])).sort();
  const place = new Map(Array.from(kept, (id, row) => [id, row]));
  const renumbered = (ids: Iterable<number>): Int32Array => Int32Array.from(ids, (id) => place.get(id)!);
  for (const name of CONTACT) {
    const array = file.numbers.get(name);
    if (array) numbers.set(name, { shape: array.shape, data: renumbered(array.data) });
  }
  for (const name of [...BASES, ...ROWS]) {
    const array = file.numbers.get(name);
    if (array) numbers.set(name, chosen(array, kept, BASES.includes(name) ? 1 : 0));
  }
  numbers.set("faces", { shape: [triangles.length, 3], data: renumbered(corners) });
  numbers.set("lmk_mp_tri", { shape: [triangles.length], data: Int32Array.from(triangles, (_, row) => row) });
  return { numbers, texts: file.texts };
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
