import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { links } from "~/links.ts";
import { openConsole, problem } from "~/testing/console.tsx";
import { instanceId } from "../../../mock/data/fleet.ts";

const PATH = links.newProposal({ instance: instanceId("orders-prod") });

async function fill(user: ReturnType<typeof userEvent.setup>, keys: string) {
  await user.type(await screen.findByLabelText("Table"), "orders");
  await user.type(screen.getByLabelText("Key columns"), keys);
  await user.type(screen.getByLabelText("Reason"), "the month's report");
}

test("what was typed is sent as columns, and leads to the proposal", async () => {
  const user = userEvent.setup();
  let sent: unknown;
  const { address } = openConsole(PATH, { signedIn: "approver" }, (request) => {
    if (request.method === "POST") void request.clone().json().then((body) => (sent = body));
    return undefined;
  });
  await fill(user, "customer_id, created_at DESC");
  await user.click(screen.getByRole("button", { name: "Check and propose" }));
  expect(await screen.findByRole("heading", { level: 1, name: "Asked for on orders" })).toBeTruthy();
  expect(address()).toMatch(/^\/proposals\/(?!new)/);
  expect(sent).toMatchObject({
    instance_id: instanceId("orders-prod"), kind: "create_index", schema: "public", table: "orders", reason: "the month's report", include: [],
    keys: [{ column: "customer_id", descending: false }, { column: "created_at", descending: true }],
  });
});

test("a refusal stands at its field, and nothing that was typed is lost", async () => {
  const user = userEvent.setup();
  openConsole(PATH, { signedIn: "approver" }, (request) =>
    request.method === "POST" ? problem(400, "The request is not valid", "orders has no column colour", "look at the table", "keys") : undefined,
  );
  await fill(user, "colour");
  await user.click(screen.getByRole("button", { name: "Check and propose" }));
  expect((await screen.findByRole("alert")).textContent).toContain("Look at the table.");
  const keys = screen.getByLabelText("Key columns");
  expect(keys.getAttribute("aria-invalid")).toBe("true");
  expect(screen.getByLabelText("Reason").getAttribute("aria-invalid")).not.toBe("true");
  expect(screen.getByDisplayValue("the month's report")).toBeTruthy();
  await user.type(keys, "s");
  await waitFor(() => expect(keys.getAttribute("aria-invalid")).not.toBe("true"));
});

test("a refusal about no field shows all that the server says", async () => {
  const user = userEvent.setup();
  openConsole(PATH, { signedIn: "approver" }, (request) => (request.method === "POST" ? problem(409, "Not possible as it stands", "a proposal that does the same waits", "decide on it") : undefined));
  await fill(user, "customer_id");
  await user.click(screen.getByRole("button", { name: "Check and propose" }));
  expect((await screen.findByRole("alert")).textContent).toContain("Decide on it");
});

test("another server has other databases, and what its page was asked for is what is sent", async () => {
  const user = userEvent.setup();
  let sent: unknown;
  openConsole(PATH, { signedIn: "approver" }, (request) => {
    if (request.method === "POST") void request.clone().json().then((body) => (sent = body));
    return undefined;
  });
  await user.selectOptions(await screen.findByLabelText("Instance"), instanceId("billing-prod"));
  const database = await screen.findByLabelText<HTMLSelectElement>("Database");
  await waitFor(() => expect(database.value).not.toBe(""));
  const shown = database.value;
  await fill(user, "customer_id");
  await user.click(screen.getByRole("button", { name: "Check and propose" }));
  await screen.findByRole("heading", { level: 1, name: "Asked for on orders" });
  expect(sent).toMatchObject({ instance_id: instanceId("billing-prod"), database: shown });
});

test("a parameter is proposed with its unit, and without a table", async () => {
  const user = userEvent.setup();
  let sent: unknown;
  const path = links.newProposal({ instance: instanceId("orders-prod"), parameter: "work_mem" });
  openConsole(path, { signedIn: "approver" }, (request) => {
    if (request.method === "POST") void request.clone().json().then((body) => (sent = body));
    return undefined;
  });
  expect(await screen.findByText(/^Now 32.0?.?Mi?B \(an earlier ALTER SYSTEM\)/)).toBeTruthy();
  expect(screen.queryByLabelText("Table")).toBeNull();
  await user.type(screen.getByLabelText("New value"), "64MB");
  expect((screen.getByLabelText("How it is tried") as HTMLSelectElement).value).toBe("switchback");
  await user.selectOptions(screen.getByLabelText("How it is tried"), "before_after");
  await user.type(screen.getByLabelText("Reason"), "sorts spill");
  await user.click(screen.getByRole("button", { name: "Check and propose" }));
  await waitFor(() => expect(sent).toEqual({
    instance_id: instanceId("orders-prod"), kind: "set_parameter", parameter: "work_mem", value: "64MB", tried: "before_after", keys: [], include: [], reason: "sorts spill",
  }));
});

test("statistics are proposed by their columns", async () => {
  const user = userEvent.setup();
  let sent: unknown;
  openConsole(PATH, { signedIn: "approver" }, (request) => {
    if (request.method === "POST") void request.clone().json().then((body) => (sent = body));
    return undefined;
  });
  await user.selectOptions(await screen.findByLabelText("Change"), "create_statistics");
  await user.type(screen.getByLabelText("Table"), "customers");
  await user.type(screen.getByLabelText("Columns"), "city, postcode,");
  await user.type(screen.getByLabelText("Reason"), "estimates are far off");
  await user.click(screen.getByRole("button", { name: "Check and propose" }));
  await waitFor(() => expect(sent).toMatchObject({ kind: "create_statistics", table: "customers", columns: ["city", "postcode"], keys: [] }));
});

test("a target that is no number is not sent as one", async () => {
  const user = userEvent.setup();
  openConsole(PATH, { signedIn: "approver" });
  await user.selectOptions(await screen.findByLabelText("Change"), "set_statistics_target");
  await user.type(screen.getByLabelText("Table"), "customers");
  await user.type(screen.getByLabelText("Column"), "city");
  await user.type(screen.getByLabelText("Statistics target"), "many");
  await user.type(screen.getByLabelText("Reason"), "estimates are far off");
  expect(screen.getByText("“many” is no whole number")).toBeTruthy();
  expect(screen.getByRole("button", { name: "Check and propose" }).hasAttribute("disabled")).toBe(true);
});

test("a parameter that is never set from here says why before anything is sent", async () => {
  const user = userEvent.setup();
  openConsole(PATH, { signedIn: "approver" });
  await user.selectOptions(await screen.findByLabelText("Change"), "set_parameter");
  await user.type(screen.getByRole("textbox", { name: "Parameter" }), "shared_preload_libraries");
  expect(await screen.findByText("shared_preload_libraries lets the server load or run code")).toBeTruthy();
});

test("what is no column is said before anything is sent", async () => {
  const user = userEvent.setup();
  openConsole(PATH, { signedIn: "approver" });
  await fill(user, "customer_id sideways");
  expect(screen.getByText("“customer_id sideways” is no column")).toBeTruthy();
  expect(screen.getByRole("button", { name: "Check and propose" }).hasAttribute("disabled")).toBe(true);
});

test("a viewer is told why not", async () => {
  openConsole(PATH, { signedIn: "viewer" });
  expect(await screen.findByText(/needs the role approver; you are signed in as viewer/)).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Check and propose" })).toBeNull();
});
