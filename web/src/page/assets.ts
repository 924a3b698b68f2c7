/** The files that the page loads from its own origin, all relative to where it lies. */

const place = new URL("assets/", document.baseURI);

/** Addresses of all that the page loads besides its own code; `.gz` files are unpacked here. */
export const ASSETS = {
  head: new URL("head.npz.gz", place).href,
  encoder: new URL("encoder.onnx.gz", place).href,
  landmarker: new URL("face_landmarker.task.gz", place).href,
  visionScript: new URL("mediapipe/vision_wasm_internal.js", place).href,
  visionBinary: new URL("mediapipe/vision_wasm_internal.wasm.gz", place).href,
  runtimeScript: new URL("runtime/ort-wasm-simd-threaded.mjs", place).href,
  runtimeBinary: new URL("runtime/ort-wasm-simd-threaded.wasm.gz", place).href,
} as const;

/** Returns a file's bytes. @throws Error that names the file if it is not there. */
export async function load(address: string): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await fetch(address).catch(() => {
    throw new Error(`${address} cannot be reached: open the page once while its host is there`);
  });
  if (!answer.ok) throw new Error(`${address} is not there (${answer.status}): build the page by make web`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  // a host may unpack such files itself
  if (!address.endsWith(".gz") || bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}
