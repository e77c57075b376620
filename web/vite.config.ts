import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { mockApi } from "./mock/plugin.ts";

const controller = process.env.QS_URL ?? "http://127.0.0.1:8080";

// Only what draws charts; what it shares with the rest belongs to the rest.
const CHARTS = /node_modules\/(recharts|d3-|victory-vendor|@reduxjs|react-redux|redux|immer|reselect|es-toolkit|decimal\.js-light|eventemitter3|internmap)/;

export default defineConfig({
  plugins: [react(), ...(process.env.QS_MOCK ? [mockApi()] : [])],
  resolve: { alias: { "~": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    // One vendor chunk for what every page needs; charts load with the pages that draw them.
    chunkSizeWarningLimit: 700,
    rollupOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "vendor", test: (id) => id.includes("node_modules") && !CHARTS.test(id), priority: 2 },
            { name: "charts", test: CHARTS, priority: 1 },
          ],
        },
      },
    },
  },
  server: process.env.QS_MOCK ? {} : { proxy: { "/api": { target: controller, changeOrigin: true } } },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/testing/setup.ts"],
    restoreMocks: true,
    unstubGlobals: true,
    testTimeout: 60_000,
  },
});
