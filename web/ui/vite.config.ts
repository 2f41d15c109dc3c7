import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../dist",
    emptyOutDir: true, // public/.keep puts dist/.keep back
    target: "es2022",
    chunkSizeWarningLimit: 900,
  },
  server: { proxy: { "/api": process.env.OMEN_URL ?? "http://127.0.0.1:9909" } },
});
