import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { apply, HeadModel, inverse, projectToCrop, type Affine } from "../src/core";
import { inPicture, Surfaces, turned, type Placement } from "../src/page/placing";
import { asParameters, largestDifference, readVectors } from "./vectors";

const wanted = readVectors<Record<string, { file: string; parameters: Record<string, number[]>[] }>>("heads.json");
const TRANSFORM: Affine = [0.6, 0, -20, 0, 0.6, 31];
const HEIGHT = 480;

function placed(vertices: Float32Array, p: Placement): Float64Array {
  return Float64Array.from(vertices, (_, i) => {
    const [row, at] = [4 * (i % 3), i - (i % 3)];
    return p[row]! * vertices[at]! + p[row + 1]! * vertices[at + 1]! + p[row + 2]! * vertices[at + 2]! + p[row + 3]!;
  });
}

describe.each(Object.entries(wanted))("head %s", (_, { file, parameters }) => {
  const head = HeadModel.fromFile(new Uint8Array(readFileSync(file)).buffer);

  test("is where its camera shows it", async () => {
    const model = await head;
    const face = asParameters(parameters[2]!);
    const found = placed(new Surfaces(model).of(face).vertices, inPicture(model, face, TRANSFORM, HEIGHT));
    const crop = projectToCrop(model.mesh(face).vertices, face.camera);
    const back = inverse(TRANSFORM);
    const pixels = Float64Array.from(crop, (value, i) => {
      const [x, y] = apply(back, crop[i - (i % 3)]!, crop[i - (i % 3) + 1]!);
      return [x, HEIGHT - y, -value * back[0]][i % 3]!;
    });
    expect(largestDifference(found, pixels)).toBeLessThan(0.01);
  });

  test("is turned as by its pose, in the middle", async () => {
    const model = await head;
    const face = asParameters(parameters[3]!);
    const surface = new Surfaces(model).of(face).vertices;
    const found = placed(surface, turned(surface, 0.6, 640));
    const posed = model.mesh({ ...face, head_pose: Float64Array.of(0, 0.6, 0) }).vertices;
    const span = (values: ArrayLike<number>, k: number): [number, number] => {
      const own = Array.from(values).filter((_, i) => i % 3 === k);
      return [Math.min(...own), Math.max(...own)];
    };
    const [low, high] = span(found, 1);
    expect((low + high) / 2).toBeCloseTo(320, 3);
    const zoom = (high - low) / (span(posed, 1)[1] - span(posed, 1)[0]);
    const centre = [0, 1, 2].map((k) => (span(posed, k)[0] + span(posed, k)[1]) / 2);
    const expected = Float64Array.from(posed, (value, i) => (value - centre[i % 3]!) * zoom + (i % 3 < 2 ? 320 : 0));
    expect(largestDifference(found, expected)).toBeLessThan(0.01);
  });
});
