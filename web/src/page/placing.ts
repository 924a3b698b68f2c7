/** Heads in pixels: where their picture shows them, and seen from aside. */

import {
  axisAngleToMatrix, CROP_SIZE, inverse, smoothNormals, surfaceTriangles, type Affine, type FaceParameters, type HeadModel,
} from "../core";

/** Part of the picture that a turned head fills. */
const FILLED = 0.9;

/** A transform `[3, 4]`, row-major, from metres to pixels: y up, larger z nearer. */
export type Placement = readonly number[];

/** A head before its pose. */
export interface Surface {
  /** Vertices `[V, 3]` in metres and their normals. */
  readonly vertices: Float32Array;
  readonly normals: Float32Array;
}

/** Evaluates heads for all views at once. */
export class Surfaces {
  private readonly triangles: Uint32Array;

  constructor(private readonly head: HeadModel) {
    this.triangles = surfaceTriangles(head);
  }

  /** Returns the head of a face that looks straight ahead. */
  of(parameters: FaceParameters): Surface {
    const { vertices } = this.head.mesh({ ...parameters, head_pose: new Float64Array(3) });
    return { vertices, normals: smoothNormals(vertices, this.triangles) };
  }
}

/**
 * Returns where the picture shows a head before its pose.
 *
 * @param transform picture pixels to crop pixels.
 * @param height of the picture in pixels.
 */
export function inPicture(head: HeadModel, parameters: FaceParameters, transform: Affine, height: number): Placement {
  const [scale, tx, ty] = [parameters.camera[0]!, parameters.camera[1]!, parameters.camera[2]!];
  const pose = parameters.head_pose;
  const turn = axisAngleToMatrix(pose[0]!, pose[1]!, pose[2]!);
  const pivot = head.pivot(parameters.shape);
  const posed = (row: number): number[] => {
    const axis = [0, 1, 2].map((k) => turn[3 * row + k]!);
    return [...axis, pivot[row]! - axis.reduce((sum, value, k) => sum + value * pivot[k]!, 0)];
  };
  const half = CROP_SIZE / 2;
  const [x, y, z] = [posed(0), posed(1), posed(2)];
  const cropX = x.map((value, k) => scale * half * (value + (k === 3 ? tx : 0)) + (k === 3 ? half : 0));
  const cropY = y.map((value, k) => -scale * half * (value + (k === 3 ? ty : 0)) + (k === 3 ? half : 0));
  const [a, b, c, d, e, f] = inverse(transform);
  return [
    ...cropX.map((value, k) => a * value + b * cropY[k]! + (k === 3 ? c : 0)),
    ...cropX.map((value, k) => -(d * value + e * cropY[k]!) + (k === 3 ? height - f : 0)),
    ...z.map((value) => scale * half * value * a),
  ];
}

/**
 * Returns where a head is shown that is turned about the vertical and fills a square.
 *
 * @param vertices `[V, 3]` in metres before the pose.
 * @param angle radians, from its own front.
 * @param side of the square in pixels.
 */
export function turned(vertices: Float32Array, angle: number, side: number): Placement {
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const [low, high] = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]];
  for (let i = 0; i < vertices.length; i += 3) {
    const [x, y, z] = [vertices[i]!, vertices[i + 1]!, vertices[i + 2]!];
    const moved = [cosine * x + sine * z, y, cosine * z - sine * x];
    for (let k = 0; k < 3; k++) {
      if (moved[k]! < low[k]!) low[k] = moved[k]!;
      if (moved[k]! > high[k]!) high[k] = moved[k]!;
    }
  }
  const zoom = (FILLED * side) / Math.max(high[0]! - low[0]!, high[1]! - low[1]!);
  const shift = [0, 1, 2].map((k) => (k < 2 ? side / 2 : 0) - (zoom * (low[k]! + high[k]!)) / 2) as [number, number, number];
  return [zoom * cosine, 0, zoom * sine, shift[0], 0, zoom, 0, shift[1], -zoom * sine, 0, zoom * cosine, shift[2]];
}
