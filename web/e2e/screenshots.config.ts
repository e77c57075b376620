import { defineConfig } from "@playwright/test";
import { BASE_URL, launchOptions, mockServer, SIGNED_IN } from "./environment.ts";

export default defineConfig({
  testDir: ".",
  outputDir: "../test-results/screenshots",
  workers: 1,
  timeout: 5 * 60_000,
  reporter: [["list"]],
  webServer: mockServer,
  use: { baseURL: BASE_URL, launchOptions, locale: "en-GB", actionTimeout: 15_000, navigationTimeout: 30_000 },
  projects: [
    { name: "sign in", testMatch: "signin.setup.ts" },
    ...(["light", "dark"] as const).flatMap((colorScheme) =>
      [{ width: 1280, height: 800 }, { width: 390, height: 844 }].map((viewport) => ({
        name: `${colorScheme}-${viewport.width}`,
        testMatch: "screenshots.ts",
        dependencies: ["sign in"],
        use: { storageState: SIGNED_IN, colorScheme, viewport },
      })),
    ),
  ],
});
