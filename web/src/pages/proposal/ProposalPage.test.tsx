import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { links } from "~/links.ts";
import { openConsole, problem } from "~/testing/console.tsx";
import { proposalId } from "../../../mock/data/findings.ts";

const PATH = links.proposal(proposalId("orders-customer"));

test("a proposal shows its reason, exact SQL, effect with interval, and both sides of the statements", async () => {
  openConsole(PATH);
  expect(await screen.findByRole("heading", { level: 1, name: "Index orders by customer and date" })).toBeTruthy();
  expect(screen.getByText(/reads all of public.orders/)).toBeTruthy();
  expect(screen.getByLabelText("SQL that applies the change").textContent).toContain("CREATE INDEX CONCURRENTLY");
  expect(screen.getByLabelText("SQL that undoes the change").textContent).toContain("DROP INDEX CONCURRENTLY");
  expect(screen.getAllByText("−92 % (−96…−81)").length).toBeGreaterThan(0);
  const table = screen.getByRole("table", { name: "Statements that become faster or slower" });
  expect(within(table).getAllByText("faster")).toHaveLength(2);
  expect(within(table).getByText("slower")).toBeTruthy();
});

test("an approval sends the digest of the text that was shown, and leads to the change", async () => {
  const user = userEvent.setup();
  let sent: unknown;
  const { mock, address } = openConsole(PATH, { signedIn: "approver" }, (request) => {
    if (request.method === "POST") void request.clone().json().then((body) => (sent = body));
    return undefined;
  });
  await user.click(await screen.findByRole("button", { name: "Approve…" }));
  await user.click(await screen.findByRole("button", { name: "Approve and run" }));
  await screen.findByText("What happened");
  const digest = mock.state.proposals.find((proposal) => proposal.id === proposalId("orders-customer"))?.digest;
  expect(sent).toEqual({ digest });
  expect(address()).toMatch(/^\/changes\//);
});

test("a viewer sees why approving is not possible", async () => {
  openConsole(PATH, { signedIn: "viewer" });
  const approve = await screen.findByRole("button", { name: "Approve…" });
  expect(approve.getAttribute("aria-disabled")).toBe("true");
  expect(screen.getByText(/needs the role approver; you are signed in as viewer/)).toBeTruthy();
});

test("the server's refusal is shown word for word, and nothing is lost", async () => {
  const user = userEvent.setup();
  openConsole(PATH, { signedIn: "approver" }, (request) =>
    request.url.endsWith("/approve") ? problem(409, "The proposal changed", "Its SQL is no longer what you were shown.", "Reload the page and read it again.") : undefined,
  );
  await user.click(await screen.findByRole("button", { name: "Approve…" }));
  await user.type(await screen.findByLabelText(/^Reason/), "looks right");
  await user.click(screen.getByRole("button", { name: "Approve and run" }));
  const alert = await screen.findByRole("alert");
  expect(alert.textContent).toContain("The proposal changed");
  expect(alert.textContent).toContain("Its SQL is no longer what you were shown.");
  expect(alert.textContent).toContain("Reload the page");
  expect(screen.getByDisplayValue("looks right")).toBeTruthy();
});

test("a rejection needs a reason", async () => {
  const user = userEvent.setup();
  openConsole(PATH, { signedIn: "approver" });
  await user.click(await screen.findByRole("button", { name: "Reject…" }));
  const reject = await screen.findByRole("button", { name: "Reject" });
  expect(reject).toHaveProperty("disabled", true);
  await user.type(screen.getByLabelText(/^Reason/), "the table moves");
  await user.click(reject);
  expect(await screen.findByText(/the table moves/)).toBeTruthy();
  expect(screen.getAllByText("rejected").length).toBeGreaterThan(0);
});
