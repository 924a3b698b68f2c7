/** The page: a photo to heads over it and turned, ARKit's weights, and a CSV of them. */

import * as ort from "onnxruntime-web/wasm";
import { ARKIT_NAMES, FaceEncoder, FaceEstimator, HeadModel, apply, inverse, projectToCrop, type EstimatedFace } from "../core";
import { ASSETS, load } from "./assets";
import { FaceDetector } from "./detector";
import { HeadView } from "./headView";
import { turned } from "./turned";

/** Longest side in pixels to which photos are reduced, above what the crop needs. */
const LONGEST_SIDE = 1600;
/** Radians by which the second view is turned, as a three-quarter portrait. */
const TURN = 0.6;
const TURNED_SIDE = 640;

const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const status = byId("status");
const meters = new Map<string, HTMLMeterElement>();
let csv = "";

for (const name of ARKIT_NAMES) {
  const label = document.createElement("label");
  const meter = document.createElement("meter");
  label.append(name, meter);
  byId("bars").append(label);
  meters.set(name, meter);
}

async function start(): Promise<void> {
  ort.env.wasm.numThreads = 1; // threads need headers that static hosts do not send
  const [head, encoder, detector] = await Promise.all([
    load(ASSETS.head).then((bytes) => HeadModel.fromFile(bytes.buffer)),
    load(ASSETS.encoder).then((bytes) => FaceEncoder.fromFile(ort, bytes)),
    FaceDetector.load(),
  ]);
  const estimator = new FaceEstimator(head, encoder);
  const over = new HeadView(byId<HTMLCanvasElement>("over"), head, 0.75);
  const aside = new HeadView(byId<HTMLCanvasElement>("turned"), head, 1);
  const input = byId<HTMLInputElement>("photo");
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) void told(() => show(file, estimator, detector, over, aside));
    input.value = "";
  });
  byId("csv").addEventListener("click", () => save("weights.csv", csv));
  input.disabled = false;
  status.textContent = "Ready: open a photo of a face.";
}

async function show(
  file: File, estimator: FaceEstimator, detector: FaceDetector, over: HeadView, aside: HeadView,
): Promise<void> {
  status.textContent = "Looking for faces…";
  const bitmap = await reduced(file);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  const picture = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const faces: EstimatedFace[] = [];
  for (const landmarks of detector.detect(picture)) faces.push(await estimator.estimate(picture, landmarks));
  const { head } = estimator;
  over.draw(faces.map((face) => inPicture(head, face, bitmap.height)), bitmap.width, bitmap.height, bitmap);
  aside.draw(faces.slice(0, 1).map((face) => turned(head, face.parameters, TURN, TURNED_SIDE)), TURNED_SIDE, TURNED_SIDE, null);
  tell(faces.map((face) => head.arkit(face.parameters)));
}

/** Returns vertices in pixels of the whole picture, y up. */
function inPicture(head: HeadModel, { parameters, transform }: EstimatedFace, height: number): Float32Array {
  const points = projectToCrop(head.mesh(parameters).vertices, parameters.camera);
  const back = inverse(transform);
  for (let i = 0; i < points.length; i += 3) {
    const [x, y] = apply(back, points[i]!, points[i + 1]!);
    points.set([x, height - y, -points[i + 2]! * back[0]], i);
  }
  return points;
}

async function reduced(file: File): Promise<ImageBitmap> {
  const whole = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name} is no picture that this browser reads`);
  });
  const zoom = Math.min(1, LONGEST_SIDE / Math.max(whole.width, whole.height));
  if (zoom === 1) return whole;
  const [resizeWidth, resizeHeight] = [whole.width, whole.height].map((side) => Math.round(side * zoom));
  return createImageBitmap(whole, { resizeWidth, resizeHeight, resizeQuality: "high" });
}

function tell(weights: Float64Array[]): void {
  const count = weights.length;
  status.textContent = count ? `${count} ${count === 1 ? "face" : "faces"}.` : "No face found: try another photo.";
  ARKIT_NAMES.forEach((name, i) => (meters.get(name)!.value = weights[0]?.[i] ?? 0));
  csv = [["face", ...ARKIT_NAMES].join(","), ...weights.map((row, face) => [face, ...Array.from(row, (w) => w.toFixed(6))].join(","))].join("\n") + "\n";
  byId<HTMLButtonElement>("csv").disabled = !count;
}

function save(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

async function told(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    status.textContent = error instanceof Error ? error.message : String(error);
  }
}

void told(start);
