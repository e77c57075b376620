// What a DBA proposes by hand: refused at the field that is wrong, then simulated by the real planner.
import { expect, test } from "@playwright/test";
import { links } from "../src/links.ts";
import { USER } from "./environment.ts";

test("an index is proposed by hand, simulated, and rejected again", async ({ page }) => {
  await page.goto(links.proposals());
  await page.getByRole("button", { name: "Propose a change" }).click();
  await page.getByLabel("Table").fill("reviews");
  await page.getByLabel("Key columns").fill("rating, stars DESC");
  await page.getByLabel("Reason").fill("tried by hand");
  await page.getByRole("button", { name: "Check and propose" }).click();
  await expect(page.getByRole("alert")).toContainText("public.reviews has no column stars");

  await page.getByLabel("Key columns").fill("rating, created_at DESC");
  await page.getByRole("button", { name: "Check and propose" }).click();
  await expect(page).toHaveURL(/\/proposals\/[0-9a-f-]{36}$/);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Index (rating, created_at DESC) on public.reviews");
  await expect(page.getByText(`Asked for by ${USER}: tried by hand.`)).toBeVisible();
  await expect(page.getByText(/^Not simulated/)).toHaveCount(0);
  await expect(page.getByLabel("SQL that applies the change", { exact: true })).toContainText('("rating", "created_at" DESC)');

  await page.getByRole("button", { name: "Reject…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Reason").fill("only a try");
  await dialog.getByRole("button", { name: "Reject", exact: true }).click();
  await expect(page.getByText("rejected it on")).toBeVisible();
});
