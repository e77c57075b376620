// A parameter of the server: found in its settings, proposed, set, looked at, and taken back.
import { expect, test } from "@playwright/test";
import { links } from "../src/links.ts";
import { USER } from "./environment.ts";

/** The agent reads the settings at its start, and tells at once what it has done. */
const TOLD = 60_000;

test("a parameter is set from its row in the settings, and undone", async ({ page }) => {
  test.setTimeout(4 * 60_000);
  const listed: { items: { id: string }[] } = await (await page.request.get("/api/v1/instances")).json();
  const instance = listed.items[0]?.id ?? "";
  await page.goto(`${links.instance(instance, "settings")}&search=work_mem`);
  await expect(page.getByText("not from here").first()).toHaveCount(0);
  await page.getByRole("link", { name: "Propose another value of work_mem", exact: true }).click();
  await expect(page.getByText(/^Now 4.MB/)).toBeVisible();

  await page.getByLabel("New value").fill("63kB");
  await page.getByLabel("How it is tried").selectOption("before_after");
  await page.getByLabel("Reason").fill("sorts spill");
  await page.getByRole("button", { name: "Check and propose" }).click();
  await expect(page.getByRole("alert")).toContainText("work_mem can't be \"63kB\"");
  await page.getByLabel("New value").fill("16 MB");
  await page.getByRole("button", { name: "Check and propose" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Set work_mem to 16MB instead of 4MB");
  await expect(page.getByText(`Asked for by ${USER}: sorts spill.`)).toBeVisible();
  await expect(page.getByLabel("SQL that applies the change", { exact: true })).toContainText("ALTER SYSTEM SET \"work_mem\" = '16MB'");

  await page.getByRole("button", { name: "Approve…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Approve and run" }).click();
  await expect(page.getByText("work_mem = 16MB (configuration file)").first()).toBeVisible({ timeout: TOLD });
  await expect(page.getByRole("button", { name: "Keep…" })).toBeVisible({ timeout: TOLD });

  await page.getByRole("button", { name: "Undo…" }).click();
  await dialog.getByLabel("Reason").fill("only a try");
  await dialog.getByRole("button", { name: "Undo it now" }).click();
  await expect(page.getByText("reverted").first()).toBeVisible({ timeout: TOLD });
});
