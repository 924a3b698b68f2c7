/** No tongue out of a mouth whose lips are together; `fitting/tongue_gate.py` has the same. */

import type { FaceParameters } from "../conventions";
import type { HeadModel } from "./headModel";

/** MediaPipe's upper and lower inner lip in the middle, and the inner corners. */
const INNER_LIPS = [13, 14, 78, 308] as const;
/** Opening over width of the inner lips from which some, and all of the tongue passes. */
const [SHUT, OPEN] = [0.12, 0.24];

/** Returns parameters in which no tongue passes lips that touch. */
export function gateTongue(head: HeadModel, parameters: FaceParameters): FaceParameters {
  const column = head.expressionNames.indexOf("tongueOut");
  if (column < 0 || !parameters.expression[column]) return parameters;
  const upright = { ...parameters, head_pose: new Float64Array(3) };
  const { ids, points } = head.landmarks(head.mesh(upright).vertices);
  const lips = INNER_LIPS.map((id) => ids.indexOf(id as never));
  if (lips.some((row) => row < 0)) return parameters;
  const apart = (a: number, b: number): number =>
    Math.hypot(...[0, 1, 2].map((k) => points[3 * lips[a]! + k]! - points[3 * lips[b]! + k]!));
  const opening = apart(0, 1) / Math.max(apart(2, 3), 1e-6);
  const expression = parameters.expression.slice();
  expression[column]! *= Math.min(Math.max((opening - SHUT) / (OPEN - SHUT), 0), 1);
  return { ...parameters, expression };
}
