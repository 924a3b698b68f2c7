import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { defineConfig, type Plugin } from "vite";

/** Files that the service worker keeps when it is installed; others once the page asks for them. */
const SHELL = /\.(html|js|css|svg|txt)$/;

/** Writes the service worker with the names of the built files, and a version that follows them. */
function serviceWorker(): Plugin {
  let folder = "";
  return {
    name: "service-worker",
    apply: "build",
    configResolved: (config) => void (folder = join(config.root, config.build.outDir)),
    closeBundle: () => {
      const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      const files = entries.map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
        .filter((name) => name !== "sw.js").sort();
      const digest = createHash("sha256");
      for (const name of files) digest.update(name).update(readFileSync(join(folder, name)));
      const shell = files.filter((name) => SHELL.test(name) && !name.startsWith("assets/mediapipe/"));
      const code = readFileSync(join(import.meta.dirname, "serviceWorker.js"), "utf-8")
        .replace('"VERSION"', JSON.stringify(digest.digest("hex").slice(0, 16)))
        .replace('["SHELL"]', JSON.stringify(["./", ...shell]));
      writeFileSync(join(folder, "sw.js"), code);
    },
  };
}

// relative addresses: the built folder may lie anywhere on a host
export default defineConfig({
  base: "./",
  build: { target: "es2022", chunkSizeWarningLimit: 1500, assetsDir: "code" },
  // the runtime's WebAssembly lies among the page's assets, compressed
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "production"] },
  plugins: [serviceWorker()],
});
