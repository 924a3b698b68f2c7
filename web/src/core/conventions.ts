/** Sizes, names and orders that Python and the page share; `smirk3d.conventions` has the same. */

/** Side in pixels of the square face crop that encoders take. */
export const CROP_SIZE = 224;

/** Side of the crop as a multiple of the landmark box (mean of its width and height). */
export const CROP_SCALE = 1.5;

/** ARKit's 52 blend shapes in the order of Live Link Face's CSV. */
export const ARKIT_NAMES = [
  "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft",
  "eyeSquintLeft", "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight",
  "eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight", "eyeWideRight", "jawForward", "jawRight",
  "jawLeft", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRight", "mouthLeft",
  "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft",
  "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight", "mouthRollLower", "mouthRollUpper",
  "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft",
  "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft", "browDownRight",
  "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft",
  "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
] as const;

/** The eight gaze actions, in the order of a head file's `gaze_basis`. */
export const GAZE_ACTIONS = ["Left", "Right"].flatMap((side) =>
  ["Down", "In", "Out", "Up"].map((way) => `eyeLook${way}${side}`),
);

/** Names of the parameter groups: those of the head, then head pose and camera. */
export const GROUPS = [
  "shape", "expression", "jaw", "eyelids", "eyes", "neck", "head_pose", "camera",
] as const;

export type Group = (typeof GROUPS)[number];

/** The parameters of one face by group; angles in radians, lengths in metres. */
export type FaceParameters = Record<Group, Float64Array>;
