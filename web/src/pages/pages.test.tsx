// What every page promises: the address is its state, it says why it is empty, and repeats the server's reason.
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { links } from "~/links.ts";
import { openConsole, problem } from "~/testing/console.tsx";
import { instanceId } from "../../mock/data/fleet.ts";
import { ownPath } from "./SignInPage.tsx";

test("sorting and searching are kept in the address", async () => {
  const user = userEvent.setup();
  const { address } = openConsole(links.queries());
  await user.click(await screen.findByRole("button", { name: "Mean" }));
  await waitFor(() => expect(address()).toContain("sort=mean"));
  expect(screen.getByRole("columnheader", { name: "Mean" }).getAttribute("aria-sort")).toBe("descending");
  await user.type(screen.getByRole("searchbox"), "fact_sales");
  await waitFor(() => expect(address()).toContain("search=fact_sales"));
  await waitFor(() => expect(screen.getAllByRole("row")).toHaveLength(2));
});

test("an address alone restores a filtered list", async () => {
  openConsole(links.findings({ state: "resolved" }));
  const table = await screen.findByRole("table", { name: "Findings" });
  expect(within(table).getAllByText("resolved")).toHaveLength(2);
});

test.each([
  [links.overview(), "Connect a first database"],
  [links.fleet(), "No database is watched yet"],
  [links.queries(), "No agent has reported statements yet."],
  [links.findings(), "No finding matches"],
  [links.proposals(), "No proposal matches"],
  [links.changes(), "No change matches"],
  [links.outcomes(), "The model has not learned yet"],
  [links.audit(), "No entry matches"],
])("%s says why it is empty", async (path, why) => {
  openConsole(path, { empty: true });
  expect(await screen.findByText(why)).toBeTruthy();
});

test("a refusal shows the server's title, detail and hint", async () => {
  openConsole(links.findings(), {}, (request) =>
    request.url.includes("/findings") ? problem(403, "Not allowed", "findings are for people of the fleet", "ask an admin") : undefined,
  );
  const alert = await screen.findByRole("alert");
  expect(alert.textContent).toContain("Not allowed");
  expect(alert.textContent).toContain("Findings are for people of the fleet.");
  expect(alert.textContent).toContain("Ask an admin.");
});

test("a collector that failed shows what fixes it", async () => {
  openConsole(links.instance(instanceId("orders-replica"), "collectors"));
  expect((await screen.findByLabelText("Statement that fixes the collector")).textContent).toContain("CREATE EXTENSION IF NOT EXISTS pg_stat_statements;");
  expect(screen.getByRole("button", { name: /Copy: Statement that fixes/ })).toBeTruthy();
});

test("nobody is sent to the door, and back to where they wanted to go", async () => {
  const user = userEvent.setup();
  const { address } = openConsole("/changes?state=trial", { signedIn: undefined });
  await user.type(await screen.findByLabelText("Name"), "mara");
  await user.type(screen.getByLabelText("Password"), "a password");
  await user.click(screen.getByRole("button", { name: "Sign in" }));
  await waitFor(() => expect(address()).toBe("/changes?state=trial"));
});

test("a new controller asks for its set-up code, and says which field is wrong", async () => {
  const user = userEvent.setup();
  const { address } = openConsole(links.overview(), { signedIn: undefined, setupNeeded: true });
  await user.type(await screen.findByLabelText("Set-up code"), "wrong");
  await user.type(screen.getByLabelText("Your name"), "me");
  await user.type(screen.getByLabelText("Password"), "long enough for this");
  await user.click(screen.getByRole("button", { name: "Create the administrator" }));
  expect((await screen.findAllByText(/not the code the controller printed/)).length).toBeGreaterThan(0);
  await user.clear(screen.getByLabelText("Set-up code"));
  await user.type(screen.getByLabelText("Set-up code"), "demo-code");
  await user.click(screen.getByRole("button", { name: "Create the administrator" }));
  await waitFor(() => expect(address()).toBe(links.fleet()));
});

test("a link cannot lead away after signing in", () => {
  expect(ownPath("/changes?state=trial")).toBe("/changes?state=trial");
  expect(ownPath("//elsewhere.example")).toBe("/");
  expect(ownPath("/\\elsewhere.example")).toBe("/");
  expect(ownPath("https://elsewhere.example")).toBe("/");
});
