/** The estimator as a module: a head file, an encoder and pictures to animatable 3D faces. */

export { ARKIT_NAMES, CROP_SIZE, GROUPS, type FaceParameters, type Group } from "./conventions";
export type { Box, FaceBox } from "./detection/boxes";
export { FaceDetector, xyOf, type DetectedFace, type FaceNetworks } from "./detection/faceDetector";
export { FaceEncoder, type Evidence, type Runtime } from "./encoder/faceEncoder";
export { FaceEstimator, type FaceEstimate } from "./estimator";
export { fileInZip, readNpz, type Archive } from "./files/npz";
export { projectToCrop, transformView } from "./geometry/camera";
export { cropTransform, faceRoll, planesOf, warpCrop } from "./geometry/crop";
export { apply, inverse, type Affine, type Picture } from "./geometry/resampling";
export { axisAngleToMatrix } from "./geometry/rotations";
export { HeadModel, type HeadMesh } from "./head/headModel";
export { FaceTracker, type StepTimes, type TrackedFace } from "./tracking/faceTracker";
export { arkitCsv } from "./export/arkitCsv";
export { glb } from "./export/glb";
export { Recording, type Performance } from "./export/recording";
export { vmcJson } from "./export/vmcJson";
export { hasClosedSkin, smoothNormals, surfaceTriangles, vertexColours } from "./head/colours";
