import { defineConfig } from "vite";

// the estimator alone, for other programs; types come from `tsc`
export default defineConfig({
  publicDir: false,
  build: { target: "es2022", outDir: "lib", minify: false, lib: { entry: "src/core/index.ts", formats: ["es"], fileName: "index" } },
});
