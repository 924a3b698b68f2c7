/** The rotation of the skull, by head pose and neck together. */

import type { FaceParameters } from "../conventions";
import { axisAngleToMatrix, multiply, type Matrix3 } from "../geometry/rotations";
import type { HeadModel } from "../head/headModel";

/** Returns the rotation of the joint that bears the eyes. */
export function skullRotation(head: HeadModel, parameters: FaceParameters): Matrix3 {
  const turns = head.jointRotations(parameters);
  const parents = head.array("joint_parents").data;
  let total: Matrix3 = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
  for (let joint = parents[head.jointNames.indexOf("eyeL")]!; joint >= 0; joint = parents[joint]!) {
    total = multiply(turns[joint]!, total);
  }
  if (head.jointNames.includes("root")) return total;
  const pose = parameters.head_pose;
  return multiply(axisAngleToMatrix(pose[0]!, pose[1]!, pose[2]!), total);
}

/** Returns the rotations of the left and the right eye in the skull. */
export function eyeRotations({ eyes }: FaceParameters): [Matrix3, Matrix3] {
  return [axisAngleToMatrix(eyes[0]!, eyes[1]!, eyes[2]!), axisAngleToMatrix(eyes[3]!, eyes[4]!, eyes[5]!)];
}
