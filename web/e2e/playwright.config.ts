import { defineConfig } from "@playwright/test";
import { BASE_URL, launchOptions, mockServer, SIGNED_IN } from "./environment.ts";

const MINUTE = 60_000;

const AT_A_DESK = { viewport: { width: 1280, height: 800 } };
const SIGNED_IN_AT_A_DESK = { ...AT_A_DESK, storageState: SIGNED_IN };

// The journey goes first, so that the pages have something to show; what it waits for leaves room for the keys. Two
// workers, because the machine may be small. A look at all pages says what is wrong itself and needs no trace.
export default defineConfig({
  testDir: ".",
  outputDir: "../test-results/runs",
  workers: 2,
  fullyParallel: false,
  forbidOnly: true,
  // What passes only at the second try is printed as flaky: a defect to look into, though no reason to stop.
  retries: 1,
  timeout: 2 * MINUTE,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  webServer: mockServer,
  use: { baseURL: BASE_URL, launchOptions, locale: "en-GB", actionTimeout: 15_000, navigationTimeout: 30_000, trace: "retain-on-failure", screenshot: "only-on-failure" },
  projects: [
    { name: "sign in", testMatch: "signin.setup.ts" },
    { name: "journey", testMatch: "journey.spec.ts", use: AT_A_DESK },
    { name: "keys", testMatch: "keys.spec.ts", dependencies: ["sign in"], use: SIGNED_IN_AT_A_DESK },
    { name: "by hand", testMatch: "by-hand.spec.ts", dependencies: ["sign in", "journey"], use: SIGNED_IN_AT_A_DESK },
    { name: "parameter", testMatch: "parameter.spec.ts", dependencies: ["sign in", "journey"], use: SIGNED_IN_AT_A_DESK },
    { name: "signed", testMatch: "signed.spec.ts", dependencies: ["sign in", "journey"], use: SIGNED_IN_AT_A_DESK },
    { name: "pages", testMatch: "pages.spec.ts", dependencies: ["sign in", "journey"], fullyParallel: true, use: { ...SIGNED_IN_AT_A_DESK, trace: "off" } },
  ],
});
