import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  base: "./", // web.go makes what the page names relative to its address; the code knows its root by src/root.ts
  plugins: [react()],
  build: {
    outDir: "../dist",
    emptyOutDir: true, // public/.keep puts dist/.keep back
    target: "es2022",
    manifest: true, // compress.mjs reads from it what a first view loads, and removes it
  },
  server: { proxy: { "/api": process.env.OMEN_URL ?? "http://127.0.0.1:9909" } },
});
