/** The networks and the head, loaded once. */

import * as ort from "onnxruntime-web/wasm";
import { FaceDetector, FaceEncoder, FaceEstimator, HeadModel } from "../core";
import { ASSETS, load } from "./assets";
import { MediaPipeNetworks } from "./networks";

/** Threads at most; more do not make a small network faster. */
const MOST_THREADS = 4;

/** What finds and estimates faces. */
export interface Estimation {
  readonly head: HeadModel;
  readonly estimator: FaceEstimator;
  readonly detector: FaceDetector;
}

/** Loads all that an estimate needs from the page's origin. */
export async function loadEstimation(): Promise<Estimation> {
  // threads share memory, which browsers allow pages whose host isolates them by headers
  ort.env.wasm.numThreads = crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency) : 1;
  ort.env.wasm.wasmPaths = { mjs: ASSETS.runtimeScript };
  const runtime = load(ASSETS.runtimeBinary).then((bytes) => (ort.env.wasm.wasmBinary = bytes));
  const [head, encoder, networks] = await Promise.all([
    load(ASSETS.head).then((bytes) => HeadModel.fromFile(bytes.buffer)),
    Promise.all([load(ASSETS.encoder), runtime]).then(([bytes]) => FaceEncoder.fromFile(ort, bytes)),
    MediaPipeNetworks.load(),
  ]);
  return { head, estimator: new FaceEstimator(head, encoder), detector: new FaceDetector(networks) };
}
