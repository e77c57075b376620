import { proposalId } from "../data/findings.ts";
import { outcomesSummary } from "../data/learning.ts";
import { uuid } from "../data/random.ts";
import { approve, layHand, undo, withdraw } from "../lifecycle.ts";
import { paged, Refusal, type Router } from "../router.ts";
import { one, type MockState } from "../state.ts";

export function adviceRoutes(router: Router, state: MockState): void {
  const matches = (query: URLSearchParams, name: string, value: string | null | undefined) => !query.get(name) || query.get(name) === value;

  router.get("/api/v1/findings", ({ query }) => {
    const wanted = query.get("state") ?? "open";
    const shown = state.findings.filter(
      (f) =>
        (wanted === "all" || (wanted === "open") === !f.resolved_at) &&
        matches(query, "instance", f.instance_id) && matches(query, "kind", f.kind) && matches(query, "severity", f.severity) && matches(query, "statement", f.statement_id),
    );
    return paged(shown, query);
  });
  router.get("/api/v1/findings/{id}", ({ params }) => one(state.findings, params("id"), "finding"));

  router.get("/api/v1/proposals", ({ query }) =>
    paged(state.proposals.filter((p) => matches(query, "instance", p.instance_id) && matches(query, "state", p.state)), query),
  );
  router.post("/api/v1/proposals", 201, ({ text }) => {
    state.require("approver");
    const sample = one(state.proposals, proposalId("orders-customer"), "proposal");
    if (text("table") !== "orders") throw new Refusal(400, "The request is not valid", `the database ${text("database")} has no table public.${text("table")}, as the agent last read it`, { field: "table" });
    const now = Date.now();
    const proposal = {
      ...structuredClone(sample), id: uuid(`proposal by hand ${now}`), title: `Asked for on ${text("table")}`, reason: `Asked for by ${state.user?.name ?? ""}: ${text("reason")}. ${sample.reason}`,
      finding_ids: [], created_at: new Date(now).toISOString(),
    };
    state.proposals.unshift(proposal);
    state.log("proposal.create", `${proposal.title} · ${proposal.instance_name}`, text("reason"));
    state.announce("proposals", proposal.id);
    return proposal;
  });
  router.get("/api/v1/proposals/{id}", ({ params }) => one(state.proposals, params("id"), "proposal"));
  router.post("/api/v1/proposals/{id}/approve", 200, ({ params, text, body }) => {
    state.require("approver");
    const proposal = one(state.proposals, params("id"), "proposal");
    if (proposal.state !== "waiting") throw new Refusal(409, "Already decided", `The proposal is ${proposal.state}.`);
    if (text("digest") !== proposal.digest) throw new Refusal(409, "The proposal changed", "Its SQL is no longer what you were shown.", { hint: "Reload the page and read it again." });
    if (proposal.signing?.approvers.length && !(typeof body === "object" && body !== null && Reflect.get(body, "signature"))) {
      throw new Refusal(409, "Conflict", "This server's host takes signed approvals only.", { field: "signature" });
    }
    const reason: unknown = typeof body === "object" && body !== null ? Reflect.get(body, "reason") : null;
    proposal.state = "approved";
    proposal.verdict = { by: state.user?.name ?? "", at: new Date().toISOString(), decision: "approved", reason: typeof reason === "string" ? reason : null };
    state.log("proposal.approve", `${proposal.title} · ${proposal.instance_name}`, null);
    approve(state, proposal);
    state.announce("proposals", proposal.id);
    return proposal;
  });
  router.post("/api/v1/proposals/{id}/reject", 200, ({ params, text }) => {
    state.require("approver");
    const proposal = one(state.proposals, params("id"), "proposal");
    if (proposal.state !== "waiting") throw new Refusal(409, "Already decided", `The proposal is ${proposal.state}.`);
    proposal.verdict = { by: state.user?.name ?? "", at: new Date().toISOString(), decision: "rejected", reason: text("reason") };
    proposal.state = "rejected";
    state.log("proposal.reject", `${proposal.title} · ${proposal.instance_name}`, text("reason"));
    state.announce("proposals", proposal.id);
    return proposal;
  });
  router.other("GET", "/api/v1/proposals/{id}/export", 200, ({ params }) => {
    const { title, sql } = one(state.proposals, params("id"), "proposal");
    return new Response(`-- ${title}\n${sql.apply.join("\n")}\n\n-- verify\n${sql.verify}\n\n-- undo\n${sql.undo.join("\n")}\n`, { headers: { "content-type": "text/plain" } });
  });

  router.get("/api/v1/changes", ({ query }) =>
    paged(state.changes.filter((c) => matches(query, "instance", c.instance_id) && matches(query, "state", c.state)), query),
  );
  router.get("/api/v1/changes/{id}", ({ params }) => one(state.changes, params("id"), "change"));
  router.post("/api/v1/changes/{id}/undo", 200, ({ params, text }) => {
    state.require("approver");
    const change = one(state.changes, params("id"), "change");
    if (!change.can.undo) throw new Refusal(409, "Cannot be undone now", change.can.undo_reason ?? `The change is ${change.state}.`);
    state.log("change.undo", `${change.title} · ${change.instance_name}`, text("reason"));
    undo(state, change, text("reason"));
    return change;
  });

  router.post("/api/v1/changes/{id}/sign", 200, ({ params, text }) => {
    state.require("approver");
    const change = one(state.changes, params("id"), "change");
    if (!change.missing_signatures) throw new Refusal(409, "Nothing to sign", `A change that is ${change.state} waits for no signature.`);
    const approver = change.signing?.approvers.find((candidate) => candidate.keys.includes(text("key")))?.name ?? null;
    change.signatures.push({ approver, key: text("key"), account: state.user?.name ?? "", at: new Date().toISOString() });
    if (change.signatures.length >= change.missing_signatures.needed) change.missing_signatures = null;
    state.announce("changes", change.id);
    return change;
  });

  router.post("/api/v1/changes/{id}/withdraw", 200, ({ params, text }) => {
    state.require("approver");
    const change = one(state.changes, params("id"), "change");
    if (!change.can.withdraw) throw new Refusal(409, "Cannot be withdrawn now", change.can.withdraw_reason ?? `The change is ${change.state}.`);
    state.log("change.withdraw", `${change.title} · ${change.instance_name}`, text("reason"));
    withdraw(state, change, text("reason"));
    return change;
  });

  for (const hand of ["hold", "release", "keep"] as const) {
    router.post(`/api/v1/changes/{id}/${hand}`, 200, ({ params, text }) => {
      state.require("approver");
      const change = one(state.changes, params("id"), "change");
      if (!change.can[hand]) throw new Refusal(409, "Not possible now", change.can[`${hand}_reason`] ?? `The change is ${change.state}.`);
      state.log(`change.${hand}`, `${change.title} · ${change.instance_name}`, text("reason"));
      layHand(state, change, hand, "mara", text("reason"));
      return change;
    });
  }

  router.get("/api/v1/outcomes", ({ query }) => paged(state.outcomes, query));
  router.get("/api/v1/outcomes/summary", () =>
    state.empty
      ? { ...outcomesSummary, outcomes: 0, accuracy: null, interval_coverage: null, history: [], model: { version: 1, updated_at: null, trained_on: 0, correction: 1, spread: 0.3 }, by_verdict: { helped: 0, no_effect: 0, harmed: 0, too_little_data: 0 } }
      : outcomesSummary,
  );
}
