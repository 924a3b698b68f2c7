/** Parameters of mirrored faces, as `heads/parameter_mirror.py` finds them. */

import type { FaceParameters } from "../conventions";
import type { HeadModel } from "./headModel";

/** Vertices at which components are compared with their mirror images. */
const VERTICES = 100;
/** Least cosine of a component and its mirror image, or its opposite. */
const ALIKE = 0.99;
/** Endings of the actions of one side, with those of the other. */
const SIDES = [["Left", "Right"], ["Right", "Left"], ["_L", "_R"], ["_R", "_L"]] as const;

export class ParameterMirror {
  private readonly order: readonly number[];
  private readonly shapeSigns: readonly number[] | null;

  constructor(head: HeadModel) {
    const names = head.expressionNames;
    this.order = names.map((name, k) => {
      const other = names.indexOf(mirroredName(name));
      return other < 0 ? k : other;
    });
    this.shapeSigns = componentSigns(head);
  }

  /** Whether the head has a mirror image of each parameter. */
  get isExact(): boolean {
    return this.shapeSigns !== null;
  }

  /** Returns the parameters of the mirrored face; identity stays where it has no mirror image. */
  mirrored({ shape, expression, jaw, eyelids, eyes, neck, head_pose, camera }: FaceParameters): FaceParameters {
    return {
      shape: shape.map((value, s) => value * (this.shapeSigns?.[s] ?? 1)),
      expression: expression.map((_, k) => expression[this.order[k]!]!),
      jaw: scaled(jaw, [1, -1, 1]),
      eyelids: Float64Array.of(eyelids[1]!, eyelids[0]!),
      eyes: scaled([...eyes.subarray(3), ...eyes.subarray(0, 3)], [1, -1, -1]),
      neck: scaled(neck, [1, -1, -1]),
      head_pose: scaled(head_pose, [1, -1, -1]),
      camera: scaled(camera, [1, -1, 1]),
    };
  }
}

/** Returns values whose every third is multiplied by the same factor. */
function scaled(values: ArrayLike<number>, factors: readonly [number, number, number]): Float64Array {
  return Float64Array.from(values, (value, i) => value * factors[i % 3]!);
}

/** Returns the action of the other side; an action without a side is its own mirror. */
function mirroredName(name: string): string {
  const side = SIDES.find(([own]) => name.endsWith(own));
  return side ? name.slice(0, -side[0].length) + side[1] : name;
}

/** Returns the sign of each identity component's mirror image, null if one has none. */
function componentSigns(head: HeadModel): number[] | null {
  const template = head.array("v_template").data as Float32Array;
  const { data, shape } = head.array("shape_basis");
  const step = Math.max(1, Math.floor(head.numVertices / VERTICES));
  const pairs: [number, number][] = [];
  for (let v = 0; v < head.numVertices; v += step) pairs.push([v, nearest(template, mirrorImage(template, v))]);
  const signs: number[] = [];
  for (let s = 0; s < shape[0]!; s++) {
    const row = (data as Float32Array).subarray(s * template.length, (s + 1) * template.length);
    let [product, here, there] = [0, 0, 0];
    for (const [v, partner] of pairs) {
      mirrorImage(row, v).forEach((value, k) => {
        const other = row[3 * partner + k]!;
        product += value * other;
        here += value * value;
        there += other * other;
      });
    }
    const alike = product / Math.sqrt(here * there);
    if (!(Math.abs(alike) > ALIKE)) return null;
    signs.push(Math.sign(alike));
  }
  return signs;
}

/** Returns a vertex's three values with the first of the opposite sign. */
function mirrorImage(values: Float32Array, vertex: number): [number, number, number] {
  return [-values[3 * vertex]!, values[3 * vertex + 1]!, values[3 * vertex + 2]!];
}

/** Returns the vertex of `[V, 3]` that is nearest to a point. */
function nearest(vertices: Float32Array, [x, y, z]: readonly [number, number, number]): number {
  let [best, least] = [0, Infinity];
  for (let v = 0; v < vertices.length / 3; v++) {
    const distance = (vertices[3 * v]! - x) ** 2 + (vertices[3 * v + 1]! - y) ** 2 + (vertices[3 * v + 2]! - z) ** 2;
    if (distance < least) [best, least] = [v, distance];
  }
  return best;
}
