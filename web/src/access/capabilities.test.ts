import { expect, test } from "vitest";
import { changeCan, proposalCan, roleCan } from "./capabilities.ts";

const NOW = Date.parse("2026-11-23T12:00:00Z");
const LATER = "2026-11-24T12:00:00Z";
const EARLIER = "2026-11-22T12:00:00Z";
const why = (permission: ReturnType<typeof roleCan>) => (permission.allowed ? "" : permission.why);

const NOTHING = { undo: false, withdraw: false, hold: false, release: false, keep: false };

test("an approver decides on a waiting proposal, a viewer is told which role it takes", () => {
  const waiting = { state: "waiting", expires_at: LATER } as const;
  expect(proposalCan("approve", waiting, "approver", NOW).allowed).toBe(true);
  expect(proposalCan("reject", waiting, "admin", NOW).allowed).toBe(true);
  expect(why(proposalCan("approve", waiting, "viewer", NOW))).toContain("approver");
});

test.each(["approved", "rejected", "expired", "withdrawn", "superseded"] as const)(
  "a proposal that is %s cannot be approved, and says why",
  (state) => {
    expect(why(proposalCan("approve", { state, expires_at: LATER }, "admin", NOW))).not.toBe("");
  },
);

test("a proposal past its expiry is closed even if the list still says waiting", () => {
  expect(why(proposalCan("approve", { state: "waiting", expires_at: EARLIER }, "admin", NOW))).toContain("Expired");
});

test.each(["trial", "confirmed"] as const)("a change that is %s can be undone", (state) => {
  expect(changeCan("undo", { state, can: { ...NOTHING, undo: true } }, "approver").allowed).toBe(true);
});

test.each(["approved", "offered", "received", "armed", "applying"] as const)("a change that is %s can be withdrawn", (state) => {
  expect(changeCan("withdraw", { state, can: { ...NOTHING, withdraw: true } }, "approver").allowed).toBe(true);
  expect(why(changeCan("withdraw", { state }, "viewer"))).toContain("approver");
});

test.each(["trial", "confirmed", "rejected", "reverting", "reverted", "aborted", "stuck"] as const)(
  "a change that is %s cannot be withdrawn, and says why",
  (state) => {
    expect(why(changeCan("withdraw", { state }, "admin"))).not.toBe("");
  },
);

test.each(["approved", "offered", "received", "armed", "applying", "rejected", "reverting", "reverted", "aborted", "stuck"] as const)(
  "a change that is %s cannot be undone, and says why",
  (state) => {
    expect(why(changeCan("undo", { state }, "admin"))).not.toBe("");
  },
);

test("the controller's refusal is repeated word for word", () => {
  const can = { ...NOTHING, undo_reason: "the agent is away", withdraw_reason: "asked for already" };
  expect(why(changeCan("undo", { state: "trial", can }, "admin"))).toBe("the agent is away");
  expect(why(changeCan("withdraw", { state: "armed", can }, "admin"))).toBe("asked for already");
});

test.each(["hold", "keep"] as const)("a trial is what an approver can %s", (hand) => {
  expect(changeCan(hand, { state: "trial", can: { ...NOTHING, [hand]: true } }, "approver").allowed).toBe(true);
  expect(why(changeCan(hand, { state: "trial", can: { ...NOTHING, [hand]: true } }, "viewer"))).toContain("approver");
  expect(why(changeCan(hand, { state: "confirmed" }, "admin"))).not.toBe("");
});
