// What a DBA does on a host that takes nobody's word: makes a key, has it trusted, signs what is done and undone.
import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "@playwright/test";
import { links } from "../src/links.ts";
import { ALLOW_LIST, USER } from "./environment.ts";

const UNSIGNED = 'approvals = "unsigned"';
/** The agent tells within a minute whom its host trusts. */
const TOLD = 90_000;

test("a change is signed, applied, kept, and taken back on a signature", async ({ page }) => {
  test.skip(ALLOW_LIST === undefined, "there is no host whose allow-list could be written");
  test.setTimeout(4 * 60_000);
  const path = ALLOW_LIST ?? "";
  const before = await readFile(path, "utf8");

  await page.goto(links.settings("key"));
  await page.getByRole("button", { name: "Make a key" }).click();
  const lines = await page.getByLabel("Lines for the host's allow-list", { exact: true }).innerText();
  await writeFile(path, `${before.replace(UNSIGNED, "")}\n${lines}\n`);
  try {
    const trusted = async () => {
      const listed: { items: { id: string }[] } = await (await page.request.get("/api/v1/instances")).json();
      const instance: { approvers: { name: string }[] } = await (await page.request.get(`/api/v1/instances/${listed.items[0]?.id}`)).json();
      return instance.approvers.map((approver) => approver.name);
    };
    await expect.poll(trusted, { timeout: TOLD }).toEqual([USER]);

    await page.goto(links.newProposal());
    await page.getByLabel("Table").fill("reviews");
    await page.getByLabel("Key columns").fill("created_at DESC, rating");
    await page.getByLabel("Reason").fill("signed");
    await page.getByRole("button", { name: "Check and propose" }).click();
    await page.getByRole("button", { name: "Approve…" }).click();
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByLabel("The text to sign")).toContainText('ON "public"."reviews" ("created_at" DESC, "rating")');
    await expect(dialog.getByText(`You sign this as ${USER}`)).toBeVisible();
    await dialog.getByRole("button", { name: "Sign and approve" }).click();
    await expect(page.getByRole("region", { name: "Signatures" })).toContainText(USER);
    await expect(page.getByText(`signed by ${USER}`)).toBeVisible({ timeout: TOLD });

    await page.getByRole("button", { name: "Keep…" }).click({ timeout: TOLD });
    await dialog.getByLabel("Reason").fill("wanted");
    await dialog.getByRole("button", { name: "Keep it now" }).click();
    await expect(page.getByRole("button", { name: "Keep…" })).toHaveCount(0, { timeout: TOLD });

    await page.getByRole("button", { name: "Undo…" }).click();
    await expect(dialog.getByLabel("The text to sign")).toContainText("Querysmith undo of a kept change");
    await dialog.getByLabel("Reason").fill("only a try");
    await dialog.getByRole("button", { name: "Sign and undo" }).click();
    await expect(page.getByText("reverted").first()).toBeVisible({ timeout: TOLD });
  } finally {
    await writeFile(path, before);
  }
});
