import { expect, test } from "@playwright/test";
import { settled } from "./settled.ts";
import { siteMap } from "./site-map.ts";

test("take a picture of every page", async ({ page }, info) => {
  const { viewport } = info.project.use;
  if (!viewport) throw new Error("a project of the screenshots has no viewport");
  // A window as high as the page, so that what is fixed to the window goes down to the end of the picture.
  const take = async (name: string) => {
    await settled(page);
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    await page.setViewportSize({ width: viewport.width, height: Math.max(height, viewport.height) });
    await page.screenshot({ path: `screenshots/${info.project.name}/${name}.png`, fullPage: true, animations: "disabled" });
    await page.setViewportSize(viewport);
  };
  const stops = await siteMap(page.request);
  expect(stops.length).toBeGreaterThan(10);
  for (const stop of stops) {
    await page.goto(stop.path);
    await take(stop.name);
  }
  const signedOut = await page.context().browser()?.newContext({ colorScheme: info.project.use.colorScheme, viewport: info.project.use.viewport, baseURL: info.project.use.baseURL });
  if (!signedOut) return;
  const door = await signedOut.newPage();
  await door.goto("/signin");
  await expect(door.locator("h1")).toBeVisible();
  await door.screenshot({ path: `screenshots/${info.project.name}/signin.png`, fullPage: true });
  await signedOut.close();
});
