/** Ranges and standard deviations of a head's parameters, those of `heads/spec.py`. */

import type { HeadModel } from "./headModel";

/** Bounds and standard deviation of each component of a group. */
export interface GroupRange {
  readonly lo: Float64Array;
  readonly hi: Float64Array;
  readonly std: Float64Array;
}

/** Groups that move from frame to frame. */
export const MOVING_GROUPS = ["expression", "jaw", "eyelids", "eyes"] as const;

export type MovingGroup = (typeof MOVING_GROUPS)[number];

/** Standard deviation of an eye's rotation in radians. */
const EYE_STD = 0.15;
/** Standard deviations of jaw and eyelids. */
const [JAW_STD, EYELID_STD] = [[0.25, 0.12, 0.15], 0.35] as const;

/** Returns the ranges of a head's moving groups. */
export function rangesOf(head: HeadModel): Record<MovingGroup, GroupRange> {
  const data = (name: string): Float64Array => Float64Array.from(head.array(name).data);
  const gaze = data("gaze_range");
  const [lo, hi] = [new Float64Array(6), new Float64Array(6)];
  for (let eye = 0; eye < 2; eye++) {
    const [down, inward, outward, up] = gaze.subarray(4 * eye, 4 * eye + 4) as unknown as [number, number, number, number];
    // rotation about +x looks down, about +y to the subject's left; eyes do not roll
    lo.set([-up, eye === 0 ? -inward : -outward, 0], 3 * eye);
    hi.set([down, eye === 0 ? outward : inward, 0], 3 * eye);
  }
  return {
    expression: { lo: data("expr_lo"), hi: data("expr_hi"), std: data("expr_prior_std") },
    jaw: { lo: Float64Array.of(0, -1, 0), hi: Float64Array.of(1, 1, 1), std: Float64Array.from(JAW_STD) },
    eyelids: { lo: new Float64Array(2), hi: Float64Array.of(1, 1), std: new Float64Array(2).fill(EYELID_STD) },
    eyes: { lo, hi, std: new Float64Array(6).fill(EYE_STD) },
  };
}
