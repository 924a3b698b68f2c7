/** Rules by which a head's actions change each other, steps 1 to 4 of docs/head-file.md. */

import type { Archive, NumberArray, Numbers } from "../files/npz";

/** Bounds of a person's size of actions, those of `heads/action_rules.py`. */
const [LEAST_SCALE, LARGEST_SCALE] = [0.5, 1.6];

/** First channel of each block, and the number of channels. */
export interface ChannelLayout {
  readonly expression: number;
  readonly jawPositive: number;
  readonly jawNegative: number;
  readonly eyelids: number;
  readonly gaze: number;
  readonly count: number;
}

const NONE: NumberArray = { shape: [0], data: new Float32Array(0) };

/** The rules of one head file. */
export class ActionRules {
  /** Pairs of channels of which only the difference acts, `[P, 2]`. */
  readonly opposed: Numbers;
  private readonly byJaw: Numbers;
  private readonly gateChannel: Numbers;
  private readonly gateBase: Numbers;
  private readonly gateSlope: Numbers;
  /** The two channels of each corrective, whose product is its weight, `[N, 2]`. */
  readonly pairs: Numbers;
  private readonly scale: Numbers;

  /**
   * @param file the arrays of the head file.
   * @param layout the order of its channels.
   */
  constructor(file: Archive, private readonly layout: ChannelLayout) {
    const data = (name: string): Numbers => (file.numbers.get(name) ?? NONE).data;
    this.opposed = data("opposed");
    this.byJaw = data("gate");
    this.gateChannel = data("gate_channel");
    this.gateBase = data("gate_base");
    this.gateSlope = data("gate_slope");
    this.pairs = data("corrective_pair");
    this.scale = data("action_scale");
  }

  /** Number of correctives. */
  get correctives(): number {
    return this.pairs.length / 2;
  }

  /** Returns the channels' weights after opposites cancel. */
  net(asked: Float64Array): Float64Array {
    const weights = asked.slice();
    for (let i = 0; i < this.opposed.length; i += 2) {
      const [first, second] = [this.opposed[i]!, this.opposed[i + 1]!];
      const shared = Math.max(Math.min(asked[first]!, asked[second]!), 0);
      weights[first]! -= shared;
      weights[second]! -= shared;
    }
    return weights;
  }

  /** Returns the weights in effect of all channels, followed by those of the correctives. */
  effective(asked: Float64Array): Float64Array {
    const net = this.net(asked);
    const count = this.layout.count;
    const weights = new Float64Array(count + this.correctives);
    weights.set(net);
    for (let i = 0; i < this.byJaw.length; i += 2) {
      const [channel, component] = [this.byJaw[i]!, this.byJaw[i + 1]!];
      const jaw = net[this.layout.jawPositive + component]! - net[this.layout.jawNegative + component]!;
      weights[channel] = net[channel]! * Math.max(jaw, 0);
    }
    for (let row = 0; row < this.gateChannel.length; row++) {
      let factor = this.gateBase[row]!;
      for (let m = 0; m < count; m++) factor += this.gateSlope[row * count + m]! * net[m]!;
      const channel = this.gateChannel[row]!;
      weights[channel] = net[channel]! * Math.min(Math.max(factor, 0), 1);
    }
    for (let n = 0; n < this.correctives; n++) {
      const [first, second] = [weights[this.pairs[2 * n]!]!, weights[this.pairs[2 * n + 1]!]!];
      weights[count + n] = Math.max(first, 0) * Math.max(second, 0);
    }
    return weights;
  }

  /** Returns the factors of a person's size on all channels and correctives. */
  sizes(shape: ArrayLike<number>): Float64Array {
    const count = this.layout.count;
    const sizes = new Float64Array(count + this.correctives).fill(1);
    if (!this.scale.length || !shape.length) return sizes;
    const kinds = [0, 1, 2, 3].map((kind) => {
      let size = 1;
      for (let s = 0; s < shape.length; s++) size += this.scale[kind * shape.length + s]! * shape[s]!;
      return Math.min(Math.max(size, LEAST_SCALE), LARGEST_SCALE);
    });
    for (let i = 0; i < sizes.length; i++) {
      sizes[i] = kinds[this.kind(i < count ? i : this.pairs[2 * (i - count)]!)]!;
    }
    return sizes;
  }

  private kind(channel: number): number {
    if (channel < this.layout.jawPositive) return 0;
    if (channel < this.layout.eyelids) return 1;
    return channel < this.layout.gaze ? 2 : 3;
  }
}
