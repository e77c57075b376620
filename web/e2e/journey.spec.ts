// What a DBA does with a missing index: sees it, reads the proposal, approves, watches, takes it back.
import { expect, test } from "@playwright/test";
import { PASSWORD, USER } from "./environment.ts";

const MINUTE = 60_000;
/** A real finding needs some statistics, a real verdict some windows of them. */
const EVIDENCE_WITHIN = Number(process.env.QS_EVIDENCE_MINUTES ?? 5) * MINUTE;
const VERDICT_WITHIN = Number(process.env.QS_VERDICT_MINUTES ?? 20) * MINUTE;

test("a missing index is found, approved, measured and undone", async ({ page }) => {
  test.setTimeout(2 * EVIDENCE_WITHIN + VERDICT_WITHIN + 5 * MINUTE);

  await test.step("sign in", async () => {
    await page.goto("/");
    await page.getByLabel("Name").fill(USER);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("heading", { name: "Overview", level: 1 })).toBeVisible();
  });

  await test.step("see the missing index on the orders table", async () => {
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: /^Findings/ }).click();
    await page.getByLabel("Kind").selectOption("missing_index");
    await expect(page).toHaveURL(/kind=missing_index/);
    await expect(page.getByRole("table", { name: "Findings" })).toBeVisible({ timeout: EVIDENCE_WITHIN });
    await page.getByRole("button", { name: "Choose columns" }).click();
    await page.getByRole("menuitem", { name: "Object" }).click();
    await page.keyboard.press("Escape");
    const finding = page.getByRole("row").filter({ has: page.getByRole("cell", { name: /(^|\.)"?orders"?$/ }) }).first();
    await expect(finding).toBeVisible({ timeout: EVIDENCE_WITHIN });
    await finding.getByRole("link").first().click();
    await expect(page.getByRole("region", { name: "Evidence" })).toBeVisible();
  });

  await test.step("read the proposal", async () => {
    const open = page.getByRole("link", { name: "Open the proposal" });
    await expect(open).toBeVisible({ timeout: EVIDENCE_WITHIN });
    await open.click();
    await expect(page.getByText("waiting for a decision").first()).toBeVisible();
    await expect(page.getByLabel("SQL that applies the change", { exact: true })).toContainText(/CREATE INDEX CONCURRENTLY[\s\S]*orders/);
    await expect(page.getByLabel("SQL that undoes the change", { exact: true })).toContainText("DROP INDEX CONCURRENTLY");
    await expect(page.getByRole("table", { name: "Statements that become faster or slower" })).toContainText("faster");
    await expect(page.getByRole("region", { name: "Predicted effect" })).toContainText(/−\d+\s%/);
  });

  await test.step("approve exactly that text", async () => {
    await page.getByRole("button", { name: "Approve…" }).click();
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByLabel("What will run", { exact: true })).toContainText("CREATE INDEX CONCURRENTLY");
    await dialog.getByLabel("Reason").fill("walk through the journey");
    await dialog.getByRole("button", { name: "Approve and run" }).click();
    await expect(dialog).toBeHidden();
    await expect(page).toHaveURL(/\/changes\//);
  });

  const heading = page.locator("header").filter({ has: page.getByRole("heading", { level: 1 }) });

  await test.step("watch it reach its verdict, without touching the page", async () => {
    await expect(heading.getByText("kept: helped")).toBeVisible({ timeout: VERDICT_WITHIN });
    const effect = page.getByRole("region", { name: "Effect" });
    await expect(effect).toContainText("measured time");
    await expect(effect).toContainText(/−\d+(\.\d+)?\s%/);
    await expect(page.getByRole("region", { name: "What happened" })).toContainText("on trial");
  });

  await test.step("take it back", async () => {
    await page.getByRole("button", { name: "Undo…" }).click();
    const dialog = page.getByRole("dialog");
    await expect(dialog).toContainText("DROP INDEX CONCURRENTLY");
    await dialog.getByLabel("Reason").fill("the journey ends here");
    await dialog.getByRole("button", { name: "Undo it now" }).click();
    await expect(heading.getByText(/^reverted/)).toBeVisible({ timeout: 5 * MINUTE });
    await expect(page.getByRole("button", { name: "Undo…" })).toHaveAttribute("aria-disabled", "true");
  });

  await test.step("find it in the audit log", async () => {
    await page.goto("/audit?search=change.undo");
    await expect(page.getByRole("table", { name: "Audit log" })).toContainText("the journey ends here");
  });
});
