/** MediaPipe's networks in the tab: the box finder, and the landmarker of one found face. */

import { FaceDetector, FaceLandmarker } from "@mediapipe/tasks-vision";
import { fileInZip, type FaceBox, type FaceNetworks, type Picture } from "../core";
import { ASSETS, load } from "./assets";

/** Score from which the box finder reports a face. */
const WEAKEST = 0.4;
/** Confidence of landmarks below which a face is not reported, and of the finder in its square. */
const [LEAST_PRESENCE, LEAST_IN_SQUARE] = [0.5, 0.2];

export class MediaPipeNetworks implements FaceNetworks {
  private constructor(private readonly finder: FaceDetector, private readonly landmarker: FaceLandmarker) {}

  static async load(): Promise<MediaPipeNetworks> {
    const [model, binary] = await Promise.all([load(ASSETS.landmarker), load(ASSETS.visionBinary)]);
    const address = URL.createObjectURL(new Blob([binary], { type: "application/wasm" }));
    const files = { wasmLoaderPath: ASSETS.visionScript, wasmBinaryPath: address };
    const boxes = await fileInZip(model.buffer, "face_detector.tflite");
    const finder = await FaceDetector.createFromOptions(files, {
      baseOptions: { modelAssetBuffer: new Uint8Array(boxes), delegate: "CPU" },
      runningMode: "IMAGE",
      minDetectionConfidence: WEAKEST,
    });
    const landmarker = await FaceLandmarker.createFromOptions(files, {
      baseOptions: { modelAssetBuffer: model, delegate: "CPU" },
      runningMode: "IMAGE",
      numFaces: 1,
      minFaceDetectionConfidence: LEAST_IN_SQUARE,
      minFacePresenceConfidence: LEAST_PRESENCE,
      minTrackingConfidence: LEAST_PRESENCE,
    });
    URL.revokeObjectURL(address);
    return new MediaPipeNetworks(finder, landmarker);
  }

  boxes(picture: Picture): FaceBox[] {
    return this.finder.detect(asImage(picture)).detections.flatMap(({ boundingBox, categories, keypoints }) => {
      if (!boundingBox) return [];
      const { originX, originY, width, height } = boundingBox;
      return [{
        box: [originX, originY, originX + width, originY + height] as const,
        score: categories[0]?.score ?? 0,
        keypoints: keypoints.flatMap(({ x, y }) => [x * picture.width, y * picture.height]),
      }];
    });
  }

  landmarks(picture: Picture): Float64Array[] {
    const { width, height } = picture;
    return this.landmarker.detect(asImage(picture)).faceLandmarks.map((points) =>
      Float64Array.from(points.flatMap(({ x, y, z }) => [x * width, y * height, z * width])),
    );
  }
}

function asImage({ data, width, height }: Picture): ImageData {
  return new ImageData(new Uint8ClampedArray(data.buffer, data.byteOffset, data.length), width, height);
}
