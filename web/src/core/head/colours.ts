/** Plain colours of a head's vertices, those of `export/rigs/appearance.py`. */

import type { HeadModel } from "./headModel";

type Colour = readonly [number, number, number];

/** Linear RGB by the numbers of a head file's `part`, from skin to brows. */
const PARTS: readonly Colour[] = [
  [0.604, 0.462, 0.393], [0.848, 0.807, 0.768], [0.848, 0.807, 0.768], [0.848, 0.787, 0.656],
  [0.848, 0.787, 0.656], [0.393, 0.107, 0.095], [0.119, 0.02, 0.017], [0.007, 0.004, 0.003],
  [0.477, 0.147, 0.133], [0.025, 0.013, 0.009],
];
/** Linear RGB of regions, over their part's colour by their share, the last ones over the others. */
const REGIONS: readonly (readonly [string, Colour, number])[] = [
  ["region_lips", [0.523, 0.296, 0.263], 1],
  ["region_brows", [0.17, 0.11, 0.085], 0.6],
  ["region_iris", [0.09, 0.036, 0.015], 1],
  ["region_pupil", [0.004, 0.004, 0.004], 1],
];
/** Value of a head file's `part` that is skin. */
const SKIN = 0;
/** Values of a head file's `part` that are strips of hair, which need a picture with alpha. */
const HAIR = new Set([7, 9]);

/** Returns a head's triangles without strips of hair, `[F, 3]` flat. */
export function surfaceTriangles(head: HeadModel): Uint32Array {
  const kept: number[] = [];
  for (let f = 0; f < head.faces.length; f += 3) {
    const corners = Array.from(head.faces.subarray(f, f + 3));
    if (!corners.some((v) => HAIR.has(head.part[v]!))) kept.push(...corners);
  }
  return Uint32Array.from(kept);
}

/**
 * Returns whether the skin has no border, as `has_closed_skin` of `export/rigs/surface.py`: drawn
 * from both sides, such a surface shows its back in dark pixels along its outlines.
 */
export function hasClosedSkin(head: HeadModel): boolean {
  const rest = head.array("v_template").data;
  const places = new Map<string, number>();
  const place = Array.from({ length: head.numVertices }, (_, v) => {
    const key = rest.subarray(3 * v, 3 * v + 3).join();
    if (!places.has(key)) places.set(key, places.size);
    return places.get(key)!;
  });
  const sides = new Set<number>();
  const needed: number[] = [];
  for (let f = 0; f < head.faces.length; f += 3) {
    for (let k = 0; k < 3; k++) {
      const [start, end] = [head.faces[f + k]!, head.faces[f + ((k + 1) % 3)]!];
      sides.add(place[start]! * places.size + place[end]!);
      if (head.part[start] === SKIN || head.part[end] === SKIN) needed.push(place[end]! * places.size + place[start]!);
    }
  }
  return needed.every((side) => sides.has(side));
}

/** Returns the linear RGB of a head's vertices, `[V, 3]` flat. */
export function vertexColours(head: HeadModel): Float32Array {
  const colours = new Float32Array(3 * head.numVertices);
  head.part.forEach((part, v) => colours.set(PARTS[part] ?? PARTS[0]!, 3 * v));
  for (const [name, colour, share] of REGIONS) {
    head.optional(name)?.data.forEach((inside, v) => {
      if (!inside) return;
      for (let k = 0; k < 3; k++) colours[3 * v + k]! += share * (colour[k]! - colours[3 * v + k]!);
    });
  }
  return colours;
}

/** Returns unit normals `[V, 3]` flat of vertices, weighted by the triangles' areas. */
export function smoothNormals(vertices: Float32Array, triangles: Uint32Array): Float32Array {
  const normals = new Float32Array(vertices.length);
  for (let f = 0; f < triangles.length; f += 3) {
    const [a, b, c] = [3 * triangles[f]!, 3 * triangles[f + 1]!, 3 * triangles[f + 2]!];
    const [ux, uy, uz] = [vertices[b]! - vertices[a]!, vertices[b + 1]! - vertices[a + 1]!, vertices[b + 2]! - vertices[a + 2]!];
    const [vx, vy, vz] = [vertices[c]! - vertices[a]!, vertices[c + 1]! - vertices[a + 1]!, vertices[c + 2]! - vertices[a + 2]!];
    const [nx, ny, nz] = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    for (const at of [a, b, c]) {
      normals[at]! += nx;
      normals[at + 1]! += ny;
      normals[at + 2]! += nz;
    }
  }
  for (let i = 0; i < normals.length; i += 3) {
    const [x, y, z] = [normals[i]!, normals[i + 1]!, normals[i + 2]!];
    const length = Math.sqrt(x * x + y * y + z * z);
    // folded parts have vertices whose triangles cancel out, and strips of hair have none
    if (length > 1e-12) [normals[i], normals[i + 1], normals[i + 2]] = [x / length, y / length, z / length];
    else normals.set([0, 0, 1], i);
  }
  return normals;
}
