/** MediaPipe's face landmarker in the tab. */

import { FaceLandmarker } from "@mediapipe/tasks-vision";
import { ASSETS, load } from "./assets";

/** People whose faces are found at most. */
const MOST_FACES = 2;

/** Finds faces in still pictures. */
export class FaceDetector {
  private constructor(private readonly landmarker: FaceLandmarker) {}

  static async load(): Promise<FaceDetector> {
    const files = { wasmLoaderPath: ASSETS.visionScript, wasmBinaryPath: ASSETS.visionBinary };
    const landmarker = await FaceLandmarker.createFromOptions(files, {
      baseOptions: { modelAssetBuffer: await load(ASSETS.landmarker), delegate: "CPU" },
      runningMode: "IMAGE",
      numFaces: MOST_FACES,
    });
    return new FaceDetector(landmarker);
  }

  /** Returns x and y of each face's landmarks in picture pixels, `[478, 2]` flat. */
  detect(picture: ImageData): Float64Array[] {
    return this.landmarker.detect(picture).faceLandmarks.map((points) =>
      Float64Array.from(points.flatMap(({ x, y }) => [x * picture.width, y * picture.height])),
    );
  }
}
