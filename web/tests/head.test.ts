import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { hasClosedSkin, HeadModel, projectToCrop } from "../src/core";
import { asParameters, largestDifference, readVectors } from "./vectors";

interface HeadVectors {
  file: string;
  parameters: Record<string, number[]>[];
  every: number;
  vertices: number[][];
  joints: number[][];
  xy: number[][];
  arkit: number[][];
  closed: boolean;
}

/** Metres; Python evaluates in single precision, whose rounding reaches some 1e-7. */
const SAME_PLACE = 2e-6;

describe.each(Object.entries(readVectors<Record<string, HeadVectors>>("heads.json")))("head %s", (name, wanted) => {
  const bytes = new Uint8Array(readFileSync(wanted.file));
  const head = HeadModel.fromFile(bytes.buffer);
  const rows = (values: Float32Array, size: number): number[] => {
    const kept: number[] = [];
    for (let v = 0; v < values.length / 3; v += wanted.every) {
      for (let k = 0; k < size; k++) kept.push(values[3 * v + k]!);
    }
    return kept;
  };

  test("has its name and the sizes of its groups", async () => {
    const model = await head;
    expect(model.name).toBe(name);
    const neutral = model.neutral();
    for (const [group, values] of Object.entries(wanted.parameters[0]!)) {
      expect(neutral[group as keyof typeof neutral].length).toBe(values.length);
    }
  });

  test("has a closed skin or one with a border, as in Python", async () => {
    expect(hasClosedSkin(await head)).toBe(wanted.closed);
  });

  test("has Python's vertices, joints, pixels and ARKit weights", async () => {
    const model = await head;
    wanted.parameters.forEach((groups, row) => {
      const parameters = asParameters(groups);
      const mesh = model.mesh(parameters);
      expect(largestDifference(rows(mesh.vertices, 3), wanted.vertices[row]!)).toBeLessThan(SAME_PLACE);
      expect(largestDifference(mesh.joints, wanted.joints[row]!)).toBeLessThan(SAME_PLACE);
      const pixels = projectToCrop(mesh.vertices, parameters.camera);
      expect(largestDifference(rows(pixels, 2), wanted.xy[row]!)).toBeLessThan(0.01);
      expect(largestDifference(model.arkit(parameters), wanted.arkit[row]!)).toBeLessThan(1e-5);
    });
  });
});

test("a file that is no archive is refused", async () => {
  await expect(HeadModel.fromFile(new ArrayBuffer(100))).rejects.toThrow("no ZIP archive");
});
