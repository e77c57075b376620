import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { links } from "~/links.ts";
import { openConsole } from "~/testing/console.tsx";
import { changeId } from "../../../mock/data/proposals.ts";

test("a kept change shows predicted and measured with intervals, touched and control statements, and its timeline", async () => {
  openConsole(links.change(changeId("ledger-account")));
  expect(await screen.findByText("kept: helped")).toBeTruthy();
  const effect = screen.getByRole("region", { name: "Effect" });
  expect(effect.textContent).toContain("−95\u00a0% (−98…−86)");
  expect(effect.textContent).toContain("−93\u00a0% (−95…−90)");
  const statements = screen.getByRole("table", { name: "Touched and control statements" });
  expect(within(statements).getAllByText("touched")).toHaveLength(2);
  expect(within(statements).getAllByText("control")).toHaveLength(1);
  expect(screen.getByRole("region", { name: "What happened" }).textContent).toContain("ready to apply");
});

test("an undo needs a reason, shows what will run, and the page follows", async () => {
  const user = userEvent.setup();
  openConsole(links.change(changeId("ledger-account")), { signedIn: "approver" });
  await user.click(await screen.findByRole("button", { name: "Undo…" }));
  const dialog = await screen.findByRole("dialog");
  expect(dialog.textContent).toContain("DROP INDEX CONCURRENTLY");
  expect(within(dialog).getByRole("button", { name: "Undo it now" })).toHaveProperty("disabled", true);
  await user.type(within(dialog).getByLabelText(/^Reason/), "disk is full");
  await user.click(within(dialog).getByRole("button", { name: "Undo it now" }));
  expect(await screen.findByText("Disk is full.")).toBeTruthy();
});

test("a change that is being applied says why it cannot be undone yet", async () => {
  openConsole(links.change(changeId("shipment-event")));
  const undo = await screen.findByRole("button", { name: "Undo…" });
  expect(undo.getAttribute("aria-description")).toContain("undone once it is on trial");
});

test("a change that is being applied is withdrawn with a reason, and the page follows", async () => {
  const user = userEvent.setup();
  openConsole(links.change(changeId("shipment-event")), { signedIn: "approver" });
  await user.click(await screen.findByRole("button", { name: "Withdraw…" }));
  const dialog = await screen.findByRole("dialog");
  expect(dialog.textContent).toContain("cancels it and removes what it left");
  await user.type(within(dialog).getByLabelText(/^Reason/), "the sale begins");
  await user.click(within(dialog).getByRole("button", { name: "Withdraw it now" }));
  expect(await screen.findByText("The sale begins.")).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Withdraw…" })).toBeNull();
});

test("a trial shows its time, is held with a reason, and released again", async () => {
  const user = userEvent.setup();
  openConsole(links.change(changeId("stock-warehouse")), { signedIn: "approver" });
  const time = await screen.findByRole("region", { name: "Time on trial" });
  expect(time.textContent).toContain("Trial is over");
  await user.click(screen.getByRole("button", { name: "Hold…" }));
  const dialog = await screen.findByRole("dialog");
  expect(dialog.textContent).toContain("the agent takes it back all the same");
  await user.type(within(dialog).getByLabelText(/^Reason/), "the sale begins");
  await user.click(within(dialog).getByRole("button", { name: "Hold the verdict" }));
  expect(await screen.findByText(/holds the verdict since/)).toBeTruthy();
  expect(screen.getByRole("button", { name: "Release…" })).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Hold…" })).toBeNull();
});

test("a parameter that is tried in turns shows what is in place, the evidence, and each pair", async () => {
  openConsole(links.change(changeId("work-mem")));
  const trial = await screen.findByRole("region", { name: "Trial by switchback" });
  expect(trial.textContent).toContain("6 of 7");
  expect(trial.textContent).toContain("94\u00a0%");
  const evidence = within(trial).getByRole("group", { name: "Evidence so far" });
  expect(evidence.textContent).toContain("7.3 of 20; then it is kept");
  const pairs = within(within(trial).getByRole("list", { name: "Pairs" })).getAllByRole("listitem");
  expect(pairs).toHaveLength(8);
  expect(pairs[0]?.textContent).toContain("pair 1: with, then without");
  expect(pairs[2]?.textContent).toContain("it does not count");
});
