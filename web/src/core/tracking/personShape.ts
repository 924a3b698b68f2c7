/** The shape of a person: a robust mean over frames, as `tracking/tracks/person_shape.py`. */

/** Frames after which a distance from the mean so far marks an outlier. */
const SETTLED = 8;
/** Weight of the usual distance so far. */
const FORGET = 0.98;

/** The weighted mean of shape coefficients, in which outliers count little (Cauchy's weights). */
export class PersonShape {
  mean: Float64Array = new Float64Array(0);
  private weight = 0;
  private usual = 0;
  private count = 0;

  /** Adds one frame's coefficients; `quality` in [0, 1] is how much the frame is to be trusted. */
  add(shape: Float64Array, quality: number): void {
    let weight = Math.max(quality, 1e-3);
    if (!this.count) this.mean = shape.slice();
    const square = shape.reduce((sum, value, k) => sum + (value - this.mean[k]!) ** 2, 0);
    const distance = Math.sqrt(square / Math.max(shape.length, 1));
    if (this.count >= SETTLED) weight /= 1 + (distance / Math.max(2 * this.usual, 1e-6)) ** 2;
    this.usual += (this.count < SETTLED ? 1 / (this.count + 1) : 1 - FORGET) * (distance - this.usual);
    this.weight += weight;
    this.count++;
    this.mean = this.mean.map((mean, k) => mean + (weight / this.weight) * (shape[k]! - mean));
  }
}
