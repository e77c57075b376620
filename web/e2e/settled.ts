import { expect, type Page } from "@playwright/test";

/** A page is settled when its heading is there and nothing of it is still loading. */
export async function settled(page: Page): Promise<void> {
  await expect(page.locator("h1").first()).toBeVisible();
  await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
}
