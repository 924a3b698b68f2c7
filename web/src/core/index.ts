/** The estimator as a module: a head file, an encoder and a picture's landmarks to a 3D face. */

export { projectToCrop, transformView } from "./camera";
export { ARKIT_NAMES, CROP_SIZE, GROUPS, type FaceParameters, type Group } from "./conventions";
export { apply, cropTransform, faceRoll, inverse, warpCrop, type Affine, type Picture } from "./crop";
export { FaceEstimator, type EstimatedFace } from "./estimator";
export { FaceEncoder, type Runtime } from "./faceEncoder";
export { HeadModel, type HeadMesh } from "./headModel";
export { readNpz, type Archive } from "./npz";
