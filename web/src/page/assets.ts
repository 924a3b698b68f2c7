/** The files that the page loads from its own origin, all relative to where it lies. */

const place = new URL("assets/", document.baseURI);

/** Addresses of all that the page loads besides its own code. */
export const ASSETS = {
  head: new URL("head.npz", place).href,
  encoder: new URL("encoder.onnx", place).href,
  landmarker: new URL("face_landmarker.task", place).href,
  visionScript: new URL("mediapipe/vision_wasm_internal.js", place).href,
  visionBinary: new URL("mediapipe/vision_wasm_internal.wasm", place).href,
} as const;

/** Returns a file's bytes. @throws Error that names the file if it is not there. */
export async function load(address: string): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} is not there (${answer.status}): run scripts/web_assets.py`);
  return new Uint8Array(await answer.arrayBuffer());
}
