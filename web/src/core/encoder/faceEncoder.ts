/** The encoder of an ONNX file, run by onnxruntime-web. */

import type { InferenceSession, Tensor } from "onnxruntime-web";
import { CROP_SIZE, GROUPS, type FaceParameters } from "../conventions";
import { readEncoderHeader, type EncoderHeader } from "../files/onnxHeader";

/** The part of onnxruntime-web that is used; the page and the tests load it in their own way. */
export interface Runtime {
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: typeof Tensor;
}

export class FaceEncoder {
  /** Milliseconds that all predictions took so far. */
  milliseconds = 0;

  private constructor(
    private readonly runtime: Runtime,
    private readonly session: InferenceSession,
    readonly header: EncoderHeader,
  ) {}

  /**
   * Returns the encoder of a file that `smirk3d weights export` wrote.
   *
   * @throws Error if the file is of another kind.
   */
  static async fromFile(runtime: Runtime, model: Uint8Array): Promise<FaceEncoder> {
    const header = readEncoderHeader(model);
    const session = await runtime.InferenceSession.create(model, { executionProviders: ["wasm"] });
    return new FaceEncoder(runtime, session, header);
  }

  /** Returns the parameters of one crop, RGB planes `[3, 224, 224]` in [0, 1]. */
  async predict(crop: Float32Array): Promise<FaceParameters> {
    const images = new this.runtime.Tensor("float32", crop, [1, 3, CROP_SIZE, CROP_SIZE]);
    const wanted = GROUPS.filter((group) => !(group in this.header.unseen));
    const begin = performance.now();
    const found = await this.session.run({ images }, [...wanted]);
    this.milliseconds += performance.now() - begin;
    const values = (group: string): Float64Array =>
      Float64Array.from((found[group]?.data as Float32Array | undefined) ?? this.header.unseen[group]!);
    return Object.fromEntries(GROUPS.map((group) => [group, values(group)])) as FaceParameters;
  }
}
