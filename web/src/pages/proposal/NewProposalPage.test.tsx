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
    request.method === "POST" ? new Response(JSON.stringify({ title: "The request is not valid", status: 400, detail: "orders has no column colour", field: "keys" }), { status: 400, headers: { "content-type": "application/problem+json" } }) : undefined,
  );
  await fill(user, "colour");
  await user.click(screen.getByRole("button", { name: "Check and propose" }));
  await screen.findByText("orders has no column colour");
  const keys = screen.getByLabelText("Key columns");
  expect(keys.getAttribute("aria-invalid")).toBe("true");
  expect(screen.getByDisplayValue("the month's report")).toBeTruthy();
  await user.type(keys, "s");
  await waitFor(() => expect(keys.getAttribute("aria-invalid")).not.toBe("true"));
});

test("a refusal about no field shows all that the server says", async () => {
  const user = userEvent.setup();
  openConsole(PATH, { signedIn: "approver" }, (request) => (request.method === "POST" ? problem(409, "It has changed meanwhile", "a proposal that does the same waits", "decide on it") : undefined));
  await fill(user, "customer_id");
  await user.click(screen.getByRole("button", { name: "Check and propose" }));
  expect((await screen.findByRole("alert")).textContent).toContain("Decide on it");
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
  const button = await screen.findByRole("button", { name: "Check and propose" });
  expect(button.getAttribute("aria-disabled")).toBe("true");
});
