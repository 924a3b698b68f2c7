import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { arkitCsv, glb, HeadModel, Recording, vmcJson, type Affine } from "../src/core";
import { HeadAnchor, toCrop, toImage } from "../src/core/tracking/imageMotion";
import { LiveSmoother } from "../src/core/tracking/liveSmoother";
import { PersonShape } from "../src/core/tracking/personShape";
import { asParameters, largestDifference, readVectors, writeFile } from "./vectors";

interface MotionVectors {
  file: string;
  frames: Record<string, number[]>[];
  seconds: number[];
  transforms: number[][];
  smooth: Record<string, number[]>[];
  shapes: number[][];
}

const wanted = readVectors<MotionVectors>("motion.json");
const head = HeadModel.fromFile(new Uint8Array(readFileSync(wanted.file)).buffer);
const frames = wanted.frames.map(asParameters);

test("the live filter is Python's", async () => {
  const anchor = HeadAnchor.of(await head);
  const smoother = new LiveSmoother(await head);
  frames.forEach((frame, t) => {
    const transform = wanted.transforms[t] as unknown as Affine;
    const motion = smoother.next(toImage(frame, transform, anchor), wanted.seconds[t]!);
    const found = toCrop(motion, frame, transform, anchor);
    for (const [group, values] of Object.entries(asParameters(wanted.smooth[t]!))) {
      expect(largestDifference(found[group as keyof typeof found], values), `${group} of frame ${t}`).toBeLessThan(1e-4);
    }
  });
});

test("a person's shape is Python's", () => {
  const person = new PersonShape();
  frames.forEach((frame, t) => {
    person.add(frame.shape, t / frames.length);
    expect(largestDifference(person.mean, wanted.shapes[t]!)).toBeLessThan(1e-5);
  });
});

test("a head of landmarks alone has the whole head's landmarks", async () => {
  const [whole, small] = [await head, (await head).atLandmarks()];
  for (const frame of frames.slice(0, 3)) {
    const [all, few] = [whole, small].map((model) => model.landmarks(model.mesh(frame).vertices).points);
    expect(largestDifference(few!, all!)).toBeLessThan(1e-6);
  }
});

test("a performance is written for Python to read", async () => {
  const recording = new Recording(await head);
  const shape = frames[0]!.shape;
  frames.forEach((frame, t) => {
    // the person is away for the last frames of each half
    const seen = t % 12 < 9 ? [{ id: 3, parameters: { ...frame, shape } }] : [];
    recording.add(seen, wanted.seconds[t]!, new Map());
  });
  recording.add([], 0, new Map());
  expect(recording.length).toBe(frames.length);
  expect(recording.ids).toEqual([3]);
  const performance = recording.performance(3);
  writeFile("motion.glb", glb(performance));
  writeFile("motion.csv", arkitCsv(performance));
  writeFile("motion.vmc.json", vmcJson(performance));
  const first = { ...performance, frames: performance.frames.slice(0, 1), seconds: [0] };
  writeFile("still.glb", glb(first));
});

test("who had another number at first is one person", async () => {
  const recording = new Recording(await head);
  recording.add([{ id: 0, parameters: frames[0]! }], 0, new Map());
  recording.add([{ id: 1, parameters: frames[1]! }], 0.1, new Map());
  recording.add([{ id: 0, parameters: frames[2]! }], 0.2, new Map([[1, 0]]));
  expect(recording.ids).toEqual([0]);
  expect(recording.performance(0).frames[1]!.expression).toEqual(frames[1]!.expression);
});
