// Every page, in both schemes and at both widths: accessible, within its width, from this origin only, without errors.
import AxeBuilder from "@axe-core/playwright";
import { expect, test, type Page } from "@playwright/test";
import { settled } from "./settled.ts";
import { siteMap } from "./site-map.ts";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const LOOKS = [
  { colorScheme: "light", width: 1280, height: 800 },
  { colorScheme: "dark", width: 1280, height: 800 },
  { colorScheme: "light", width: 390, height: 844 },
] as const;

async function seriousFindings(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  return violations
    .filter((violation) => violation.impact === "serious" || violation.impact === "critical")
    .flatMap((violation) => violation.nodes.map((node) => `${violation.id}: ${node.target.join(" ")} ${node.failureSummary ?? ""}`));
}

function watch(page: Page): { errors: string[]; elsewhere: string[] } {
  const seen = { errors: new Array<string>(), elsewhere: new Array<string>() };
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(error.message));
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== new URL(page.url()).origin && page.url() !== "about:blank") seen.elsewhere.push(request.url());
  });
  return seen;
}

for (const { colorScheme, width, height } of LOOKS) {
  test(`every page is in order: ${colorScheme}, ${width} wide`, async ({ page }) => {
    test.setTimeout(5 * 60_000);
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height });
    const seen = watch(page);
    for (const stop of await siteMap(page.request)) {
      await test.step(stop.name, async () => {
        await page.goto(stop.path);
        await settled(page);
        expect.soft(await seriousFindings(page), stop.name).toEqual([]);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        expect.soft(overflow, `${stop.name} is wider than the window`).toBeLessThanOrEqual(0);
      });
    }
    expect(seen.errors).toEqual([]);
    expect(seen.elsewhere).toEqual([]);
  });
}

test("the door is accessible, and says why it stays shut", async ({ browser, baseURL }) => {
  const context = await browser.newContext({ baseURL, storageState: undefined });
  const page = await context.newPage();
  await page.goto("/changes?state=trial");
  await expect(page).toHaveURL(/\/signin\?next=%2Fchanges%3Fstate%3Dtrial/);
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByLabel("Name").fill("nobody");
  await page.getByLabel("Password", { exact: true }).fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await context.close();
});
