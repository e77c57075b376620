import { expect, test } from "@playwright/test";
import { PASSWORD, SIGNED_IN, USER } from "./environment.ts";

test("sign in once for the tests that only look", async ({ page }) => {
  await page.goto("/signin");
  await page.getByLabel("Name").fill(USER);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Overview", level: 1 })).toBeVisible();
  await page.context().storageState({ path: SIGNED_IN });
});
