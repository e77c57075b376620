// Where the console runs and who signs in. Without QS_URL the suite starts the mock fleet itself.

export const PORT = 4177;
export const BASE_URL = process.env.QS_URL ?? `http://127.0.0.1:${PORT}`;
export const USER = process.env.QS_USER ?? "admin";
export const PASSWORD = process.env.QS_PASSWORD ?? "mock-password";
export const AGAINST_MOCK = process.env.QS_URL === undefined;
/** The allow-list of the one agent, where the suite may write it. */
export const ALLOW_LIST = process.env.QS_ALLOW_LIST;
export const SIGNED_IN = "test-results/signed-in.json";

export const launchOptions = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
};

export const mockServer = AGAINST_MOCK
  ? { command: `npm run preview:mock -- --port ${PORT} --strictPort`, url: `${BASE_URL}/favicon.svg`, reuseExistingServer: true, timeout: 60_000 }
  : undefined;
