import { defineConfig } from "vite";

// relative addresses: the built folder may lie anywhere on a host
export default defineConfig({ base: "./", build: { target: "es2022", chunkSizeWarningLimit: 1500 } });
