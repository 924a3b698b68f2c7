/** The encoder of an ONNX file, run by onnxruntime-web. */

import type { InferenceSession, Tensor } from "onnxruntime-web";
import { CROP_SIZE, GROUPS, type FaceParameters } from "../conventions";
import { readEncoderHeader, type EncoderHeader } from "../files/onnxHeader";

/** The part of onnxruntime-web that is used; the page and the tests load it in their own way. */
export interface Runtime {
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: typeof Tensor;
}

/** What an encoder sees in a crop, with how sure it is. */
export interface Evidence {
  readonly parameters: FaceParameters;
  /** Standard deviation of each parameter's error. */
  readonly std: FaceParameters;
  /** Fixed points of the head's surface `[P, 2]` in device coordinates of the crop, y down. */
  readonly points: Float32Array;
  /** Standard deviation of each point's error per axis, and the probability that it is visible. */
  readonly pointsStd: Float32Array;
  readonly pointsVisible: Float32Array;
}

const POINT_OUTPUTS = ["points", "points_std", "points_visible"] as const;

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

  /** Whether standard deviations and surface points are predicted. */
  get isUncertain(): boolean {
    const names = this.session.outputNames;
    return names.includes("std_camera") && names.includes("points") && this.header.points !== null;
  }

  /** Returns the parameters of one crop, RGB planes `[3, 224, 224]` in [0, 1]. */
  async predict(crop: Float32Array): Promise<FaceParameters> {
    return this.rows(await this.run(crop, this.seen("")), "", this.header.unseen);
  }

  /** Returns all that is predicted of one crop. @throws Error if the encoder is not uncertain. */
  async evidence(crop: Float32Array): Promise<Evidence> {
    if (!this.isUncertain) throw new Error("these weights give no standard deviations and no points");
    const found = await this.run(crop, [...this.seen(""), ...this.seen("std_"), ...POINT_OUTPUTS]);
    const [points, pointsStd, pointsVisible] = POINT_OUTPUTS.map((name) => found[name]!.data as Float32Array);
    return {
      parameters: this.rows(found, "", this.header.unseen), std: this.rows(found, "std_", this.header.unseen_std),
      points: points!, pointsStd: pointsStd!, pointsVisible: pointsVisible!,
    };
  }

  /** Returns the outputs' names of the groups that depend on the picture. */
  private seen(prefix: string): string[] {
    return GROUPS.filter((group) => !(group in this.header.unseen)).map((group) => prefix + group);
  }

  private async run(crop: Float32Array, wanted: string[]): Promise<InferenceSession.OnnxValueMapType> {
    const images = new this.runtime.Tensor("float32", crop, [1, 3, CROP_SIZE, CROP_SIZE]);
    const begin = performance.now();
    const found = await this.session.run({ images }, wanted);
    this.milliseconds += performance.now() - begin;
    return found;
  }

  private rows(
    found: InferenceSession.OnnxValueMapType, prefix: string, constant: Readonly<Record<string, readonly number[]>>,
  ): FaceParameters {
    const values = (group: string): Float64Array =>
      Float64Array.from((found[prefix + group]?.data as Float32Array | undefined) ?? constant[group]!);
    return Object.fromEntries(GROUPS.map((group) => [group, values(group)])) as FaceParameters;
  }
}
