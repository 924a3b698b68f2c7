/** Contact: eyelids stop at the eyes, lips stop at each other; step 7 of docs/head-file.md. */

import type { Archive, Numbers } from "../files/npz";

/** Metres by which lips may overlap, as in `heads/contact.py`. */
const LIP_OVERLAP = 0.0002;
/** Lips are parted in two steps, as in `heads/contact.py`. */
const LIP_STEPS = 2;

/** The contacts of one head; a head without them moves nothing. */
export class Contact {
  private readonly surface: Numbers;
  private readonly arrays: ReadonlyMap<string, { data: Numbers }>;

  constructor(file: Archive) {
    this.arrays = file.numbers;
    this.surface = this.get("eye_surface");
  }

  private get(name: string): Numbers {
    return this.arrays.get(name)?.data ?? new Float32Array(0);
  }

  /**
   * Moves vertices `[V, 3]` in place so that eyelids and lips do not cross.
   *
   * @param vertices metres, before any joint rotates.
   * @param eyes centres of the left and the right eye, metres.
   * @param gaze unit directions of the gaze of both eyes.
   */
  resolve(vertices: Float32Array, eyes: readonly ArrayLike<number>[], gaze: readonly ArrayLike<number>[]): void {
    if (!this.surface.length) return;
    this.offEyes(vertices, eyes, gaze);
    const ids = this.get("lip_id");
    for (let step = 0; step < LIP_STEPS; step++) {
      const lifts = this.lifts(vertices);
      for (let i = 0; i < ids.length; i++) vertices[3 * ids[i]! + 1]! += lifts[i]!;
    }
  }

  private lifts(vertices: Float32Array): Float64Array {
    const [pairs, shares] = [this.get("lip_pair"), this.get("lip_pair_share")];
    const [ids, moved] = [this.get("lip_id"), this.get("lip_share")];
    const lifts = new Float64Array(ids.length);
    const height = (id: number): number => vertices[3 * id + 1]!;
    for (let p = 0; p < shares.length; p++) {
      const [upper, first, second] = [0, 1, 2].map((k) => height(pairs[3 * p + k]!)) as [number, number, number];
      const overlap = Math.min(upper - second - shares[p]! * (first - second) + LIP_OVERLAP, 0);
      if (overlap) for (let i = 0; i < ids.length; i++) lifts[i]! += overlap * moved[i * shares.length + p]!;
    }
    return lifts;
  }

  private offEyes(vertices: Float32Array, eyes: readonly ArrayLike<number>[], gaze: readonly ArrayLike<number>[]): void {
    const [ids, sides, gaps] = [this.get("lid_id"), this.get("lid_eye"), this.get("lid_gap")];
    for (let i = 0; i < ids.length; i++) {
      const [at, centre, look] = [3 * ids[i]!, eyes[sides[i]!]!, gaze[sides[i]!]!];
      const arm = [0, 1, 2].map((k) => vertices[at + k]! - centre[k]!) as [number, number, number];
      const distance = Math.max(Math.hypot(...arm), 1e-9);
      const cosine = (arm[0] * look[0]! + arm[1] * look[1]! + arm[2] * look[2]!) / distance;
      const short = this.radius(cosine) + gaps[i]! - distance;
      if (short > 0) for (let k = 0; k < 3; k++) vertices[at + k]! += (short * arm[k]!) / distance;
    }
  }

  private radius(cosine: number): number {
    const [ball, iris, cornea] = [this.surface[0]!, this.surface[1]!, this.surface[2]!];
    const limbus = Math.sqrt(ball * ball - iris * iris);
    if (cosine <= limbus / ball) return ball;
    const centre = limbus - Math.sqrt(cornea * cornea - iris * iris);
    const sineSquared = Math.max(1 - cosine * cosine, 0);
    return centre * cosine + Math.sqrt(Math.max(cornea * cornea - centre * centre * sineSquared, 0));
  }
}
