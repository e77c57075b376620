import "fake-indexeddb/auto";
import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { webcrypto } from "node:crypto";
import { beforeEach, expect, test, vi } from "vitest";
import { links } from "~/links.ts";
import { openConsole } from "~/testing/console.tsx";
import { proposalId } from "../../mock/data/findings.ts";
import { changeId } from "../../mock/data/proposals.ts";
import { loadKey, makeKey, removeKey, sign } from "./key.ts";

const PROPOSAL = links.proposal(proposalId("orders-customer"));
const TEXT = "Querysmith approval, format 1\nchange: 0192\napply 1:\n    CREATE INDEX\n";
const MADE = new Date("2026-06-01T08:00:00Z");

beforeEach(async () => {
  // jsdom has neither.
  vi.stubGlobal("crypto", webcrypto);
  vi.stubGlobal("isSecureContext", true);
  await removeKey("approver");
});

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

async function isOf(given: { key: string; signature: string }, text: string): Promise<boolean> {
  const key = await webcrypto.subtle.importKey("raw", bytes(given.key.replace("ed25519:", "")), "Ed25519", true, ["verify"]);
  return webcrypto.subtle.verify("Ed25519", key, bytes(given.signature), new TextEncoder().encode(text));
}

/** A console whose first proposal is of a host that knows these approvers. */
function openSigned(approvers: { name: string; keys: string[] }[]) {
  const sent: unknown[] = [];
  const opened = openConsole(PROPOSAL, { signedIn: "approver" }, (request) => {
    if (request.method === "POST") void request.clone().json().then((body) => sent.push(body));
    return undefined;
  });
  const proposal = opened.mock.state.proposals.find((candidate) => candidate.id === proposalId("orders-customer"));
  if (!proposal) throw new Error("the mock has no such proposal");
  proposal.signing = { text: TEXT, approvers };
  return { ...opened, sent };
}

test("a key signs, stays, and can't be read", async () => {
  const key = await makeKey("approver", MADE);
  expect(key.name).toMatch(/^ed25519:[0-9a-f]{64}$/);
  await expect(webcrypto.subtle.exportKey("pkcs8", key.pair.privateKey)).rejects.toThrow();
  const again = await loadKey("approver");
  expect(again?.name).toBe(key.name);
  expect(await loadKey("somebody else")).toBeNull();
  const given = await sign(again ?? key, TEXT);
  expect(await isOf(given, TEXT)).toBe(true);
  expect(await isOf(given, `${TEXT} `)).toBe(false);
});

test("what is approved for a host with approvers is shown, signed and sent", async () => {
  const user = userEvent.setup();
  const key = await makeKey("approver", MADE);
  const { sent } = openSigned([{ name: "dana", keys: [key.name] }]);
  await user.click(await screen.findByRole("button", { name: "Approve…" }));
  const dialog = await screen.findByRole("dialog");
  expect(within(dialog).getByLabelText("The text to sign").textContent).toBe(TEXT);
  expect(await within(dialog).findByText("dana")).toBeTruthy();
  await user.click(within(dialog).getByRole("button", { name: "Sign and approve" }));
  await screen.findByText("What happened");
  const [body] = sent;
  if (typeof body !== "object" || body === null) throw new Error("nothing was sent");
  const signature: { key: string; signature: string } = Reflect.get(body, "signature");
  expect(signature.key).toBe(key.name);
  expect(await isOf(signature, TEXT)).toBe(true);
});

test("without a key that the host knows there is no approving, and the way to one is shown", async () => {
  const user = userEvent.setup();
  const { address } = openSigned([{ name: "dana", keys: [`ed25519:${"0".repeat(64)}`] }]);
  await user.click(await screen.findByRole("button", { name: "Approve…" }));
  const dialog = await screen.findByRole("dialog");
  expect(await within(dialog).findByText(/has no key of yours yet/)).toBeTruthy();
  expect(within(dialog).getByRole("button", { name: "Sign and approve" })).toHaveProperty("disabled", true);
  await user.click(within(dialog).getByRole("link", { name: "Your key" }));
  await user.click(await screen.findByRole("button", { name: "Make a key" }));
  const lines = (await screen.findByLabelText("Lines for the host's allow-list")).textContent;
  expect(lines).toMatch(/^\[\[approver\]\]\nname = "approver"\nkeys = \["ed25519:[0-9a-f]{64}"\]$/);
  expect(address()).toBe(links.settings("key"));
});

test("a key is removed for good", async () => {
  const user = userEvent.setup();
  await makeKey("approver", MADE);
  openConsole(links.settings("key"), { signedIn: "approver" });
  await user.click(await screen.findByRole("button", { name: "Remove the key…" }));
  await user.click(await screen.findByRole("button", { name: "Remove it for good" }));
  expect(await screen.findByRole("button", { name: "Make a key" })).toBeTruthy();
  expect(await loadKey("approver")).toBeNull();
});

test("outside a secure context the page says what to do", async () => {
  vi.stubGlobal("isSecureContext", false);
  openConsole(links.settings("key"), { signedIn: "approver" });
  expect(await screen.findByText(/https:\/\/ or on localhost only/)).toBeTruthy();
});

test("a change that waits for a second signature gets it", async () => {
  const user = userEvent.setup();
  const key = await makeKey("approver", MADE);
  const { mock } = openConsole(links.change(changeId("shipment-event")), { signedIn: "approver" });
  const change = mock.state.changes.find((candidate) => candidate.id === changeId("shipment-event"));
  if (!change) throw new Error("the mock has no such change");
  change.state = "offered";
  change.signing = { text: TEXT, approvers: [{ name: "dana", keys: [`ed25519:${"0".repeat(64)}`] }, { name: "eli", keys: [key.name] }] };
  change.signatures = [{ approver: "dana", key: `ed25519:${"0".repeat(64)}`, account: "dana", at: MADE.toISOString() }];
  change.missing_signatures = { needed: 2, reason: "this host asks for 2 of these signatures: dana, eli; the order has only that of dana" };
  const section = await screen.findByRole("region", { name: "Signatures" });
  expect(section.textContent).toContain("only that of dana");
  expect(screen.getByText("waits for signatures")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Sign…" }));
  await user.click(await screen.findByRole("button", { name: "Sign" }));
  expect(await within(section).findByText("eli")).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Sign…" })).toBeNull();
});
