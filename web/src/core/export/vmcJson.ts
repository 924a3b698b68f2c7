/**
 * The messages of the Virtual Motion Capture protocol that `smirk3d track --vmc` would send, frame
 * by frame as JSON. A tab cannot send UDP; a program of a few lines can send these.
 */

import { ARKIT_NAMES } from "../conventions";
import { matrixToQuaternion, type Matrix3 } from "../geometry/rotations";
import type { Performance } from "./recording";
import { eyeRotations, skullRotation } from "./skull";

/** An address and its arguments. */
type Message = [string, ...(string | number)[]];

/** Returns the text of the file: `frames` are lists of messages, each its address and arguments. */
export function vmcJson({ head, frames, seconds }: Performance): string {
  const listed = frames.map((face, t) => {
    const [left, right] = eyeRotations(face);
    const bones = [["Head", skullRotation(head, face)], ["LeftEye", left], ["RightEye", right]] as const;
    const weights = head.arkit(face);
    return {
      seconds: seconds[t]!,
      messages: [
        ...bones.map(([name, rotation]): Message => ["/VMC/Ext/Bone/Pos", name, 0, 0, 0, ...unityQuaternion(rotation)]),
        ...ARKIT_NAMES.map((name, k): Message => ["/VMC/Ext/Blend/Val", name[0]!.toUpperCase() + name.slice(1), weights[k]!]),
        ["/VMC/Ext/Blend/Apply"], ["/VMC/Ext/OK", 1], ["/VMC/Ext/T", seconds[t]!],
      ] satisfies Message[],
    };
  });
  return JSON.stringify({ format: "smirk3d-vmc", version: 1, frames: listed });
}

/** Returns Unity's quaternion (x, y, z, w): its axes are head space mirrored at x. */
function unityQuaternion(rotation: Matrix3): [number, number, number, number] {
  const [w, x, y, z] = matrixToQuaternion(rotation);
  return [x, -y, -z, w];
}
