// The keyboard, and the address as the state.
import { expect, test } from "@playwright/test";
import { settled } from "./settled.ts";

test("keys go to pages, search, walk through rows and explain themselves", async ({ page }) => {
  await page.goto("/");
  await settled(page);
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();

  await page.keyboard.press("g");
  await page.keyboard.press("q");
  await expect(page.getByRole("heading", { name: "Queries", level: 1 })).toBeVisible();
  await settled(page);

  await page.keyboard.press("/");
  await page.keyboard.type("select");
  await expect(page).toHaveURL(/search=select/);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("searchbox")).toHaveValue("select");

  await page.locator("h1").click();
  await page.keyboard.press("j");
  await expect(page.locator("[data-row-link]").first()).toBeFocused();
  await page.keyboard.press("j");
  await expect(page.locator("[data-row-link]").nth(1)).toBeFocused();
  await page.keyboard.press("k");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/instances\/.+\/queries\//);
  await page.goBack();
  await expect(page).toHaveURL(/search=select/);
});

test("a link shows a colleague the same page", async ({ page, context }) => {
  await page.goto("/queries");
  await settled(page);
  await page.getByRole("button", { name: "Mean" }).click();
  await page.getByRole("radiogroup", { name: "Time range" }).getByText("7d").click();
  await expect(page).toHaveURL(/sort=mean/);
  await expect(page).toHaveURL(/range=7d/);
  const colleague = await context.newPage();
  await colleague.goto(page.url());
  await settled(colleague);
  await expect(colleague.getByRole("columnheader", { name: "Mean" })).toHaveAttribute("aria-sort", "descending");
  await expect(colleague.getByRole("radio", { name: "7d" })).toBeChecked();
});

test("the scheme can be switched and is kept", async ({ page }) => {
  await page.goto("/fleet");
  await settled(page);
  await page.getByRole("button", { name: "Switch to dark" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", "dark");
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", "dark");
});
