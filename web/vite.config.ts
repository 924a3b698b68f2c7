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

/** The call by which MediaPipe sends figures of its use to Google, in its compiled code. */
const METRICS = /this\.\w+\.send\(\{url:"https:\/\/odml\.pa\.googleapis\.com[^"]*"/g;

/** Takes MediaPipe's sender of metrics out, which has no switch: nothing leaves the tab. */
function withoutMetrics(): Plugin {
  return {
    name: "without-metrics",
    transform: {
      filter: { id: /tasks-vision\/vision_bundle\.mjs/ },
      handler: (code) => {
        const found = code.match(METRICS)?.length ?? 0;
        if (found !== 1) throw new Error(`MediaPipe sends metrics at ${found} places, not at one: look at the package again`);
        return { code: code.replace(METRICS, '(()=>{})({url:""'), map: null };
      },
    },
  };
}

// relative addresses: the built folder may lie anywhere on a host
export default defineConfig({
  base: "./",
  build: { target: "es2022", chunkSizeWarningLimit: 1500, assetsDir: "code" },
  // the runtime's WebAssembly lies among the page's assets, compressed
  optimizeDeps: { exclude: ["@mediapipe/tasks-vision"] },
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", "module", "browser", "production"] },
  plugins: [withoutMetrics(), serviceWorker()],
});
