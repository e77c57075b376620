import type { Instance, QueryRow } from "~/api/types.ts";
import { indexes, settings } from "../data/admin.ts";
import { ago, HOUR, iso, MINUTE, STARTED } from "../data/clock.ts";
import { instanceDetail, seriesValue } from "../data/fleet.ts";
import { marks, plans } from "../data/plans.ts";
import { firstSeen, latency, latencyStep, row, statements } from "../data/statements.ts";
import { paged, Refusal, type Router } from "../router.ts";
import { one, type MockState } from "../state.ts";

const bounds = (query: URLSearchParams) => ({
  from: Date.parse(query.get("from") ?? ago(24 * HOUR)),
  to: Date.parse(query.get("to") ?? iso(Date.now())),
});

const SORT: Record<string, (row: QueryRow) => number> = {
  time_share: (r) => r.time_share,
  mean: (r) => r.mean_ms,
  calls: (r) => r.calls,
  blocks: (r) => r.blocks_per_call,
};

export function fleetRoutes(router: Router, state: MockState): void {
  router.get("/api/v1/fleet/summary", () => ({
    instances: state.instances.length,
    agents_connected: state.agents.filter((a) => a.connected).length,
    agents_total: state.agents.length,
    open_findings: state.findings.filter((f) => !f.resolved_at).length,
    proposals_waiting: state.proposals.filter((p) => p.state === "waiting").length,
    changes_active: state.changes.filter((c) => !["confirmed", "reverted", "aborted", "rejected"].includes(c.state)).length,
    changes_helped: state.changes.filter((c) => c.verdict === "helped").length,
    changes_reverted: state.changes.filter((c) => c.state === "reverted").length,
    db_time_saved_ms_per_hour: state.empty ? null : 1_482_000,
    jobs_ok: state.jobs.every((j) => j.status !== "failed"),
  }));
  router.get("/api/v1/agents", ({ query }) => paged(state.agents, query));
  router.post("/api/v1/agents/{id}/revoke", 200, ({ params, text }) => {
    state.require("admin");
    const agent = one(state.agents, params("id"), "agent");
    state.log("agent.revoke", agent.host_name, text("reason"));
    agent.revoked_at = iso(Date.now());
    agent.connected = false;
    state.announce("agents", agent.id);
    return agent;
  });
  router.post("/api/v1/join-tokens", 201, () => {
    state.require("admin");
    return {
      token: "qsj_7Kq2mVd9xR4tWc8LbNf3", expires_at: iso(Date.now() + HOUR),
      command: "querysmith-agent enrol --controller db-ops.example.org:7443 --token qsj_7Kq2mVd9xR4tWc8LbNf3",
    };
  });
  router.get("/api/v1/instances", ({ query }) => paged(state.instances, query));
  router.get("/api/v1/instances/{id}", ({ params }) => instanceDetail(one(state.instances, params("id"), "instance")));
  router.get("/api/v1/instances/{id}/series", ({ params, query }) => series(state, one(state.instances, params("id"), "instance"), query));
  router.get("/api/v1/instances/{id}/activity", ({ params }) => {
    const instance = one(state.instances, params("id"), "instance");
    if (instance.status === "waiting" || instance.status === "silent") {
      return { at: null, reason: "No sample of activity has arrived yet.", connections: [], waits: [], blocked: [], long_transactions: [] };
    }
    return {
      at: ago(8000), reason: null,
      connections: [{ state: "active", count: 9 }, { state: "idle", count: 61 }, { state: "idle in transaction", count: 3 }],
      waits: [{ event_type: "IO", event: "DataFileRead", count: 5 }, { event_type: "Lock", event: "transactionid", count: 2 }, { event_type: "LWLock", event: "WALWrite", count: 1 }, { event_type: "Client", event: "ClientRead", count: 61 }],
      blocked: [{ pid: 21877, blocked_by: [20114], wait_s: 14.2, statement_id: statements[4]?.id ?? null, query: statements[4]?.text ?? null }],
      long_transactions: [
        { pid: 20114, age_s: 841, state: "idle in transaction", user: "worker", query: "UPDATE stock SET reserved = reserved + $2 WHERE sku = $1" },
        { pid: 19340, age_s: 212, state: "active", user: "report", query: statements[19]?.text ?? null },
      ],
    };
  });
  router.get("/api/v1/instances/{id}/settings", ({ query }) => {
    const search = (query.get("search") ?? "").toLowerCase();
    return paged(settings.filter((s) => s.name.includes(search)), query);
  });
  router.get("/api/v1/instances/{id}/indexes", ({ query }) =>
    paged(indexes.filter((i) => query.get("unused") !== "true" || (i.scans < 100 && !i.constraint)), query),
  );

  router.get("/api/v1/queries", ({ query }) => {
    const rows = queryRows(state, query);
    const sort = SORT[query.get("sort") ?? "time_share"] ?? ((r: QueryRow) => r.time_share);
    const sign = query.get("desc") === "false" ? 1 : -1;
    rows.sort((a, b) => sign * (sort(a) - sort(b)));
    return {
      ...paged(rows, query),
      coverage: state.empty ? { fraction: 0, reason: "nothing was collected yet" } : { fraction: 0.964, reason: "orders-prod: the agent was restarted 7 h ago, and crm-legacy has not reported for 3 h" },
      empty_reason: rows.length > 0 ? null : state.empty ? "No agent has reported statements yet." : "No statement matches these filters.",
    };
  });
  router.get("/api/v1/instances/{id}/queries/{statement_id}", ({ params, query }) => {
    const instance = one(state.instances, params("id"), "instance");
    const s = statements.find((candidate) => candidate.id === params("statement_id") && candidate.instance === instance.name);
    if (!s) throw new Refusal(404, "Not found", "This instance has not reported a statement with this id.");
    const { from, to } = bounds(query);
    const findings = state.findings.filter((f) => f.statement_id === s.id);
    return {
      ...row(s, from, to, 8_320_000), full_text: s.text, first_seen_at: firstSeen(s), last_seen_at: ago(20_000),
      latency: latency(s, from, to), latency_step_s: latencyStep(from, to) / 1000, marks: marks(s).filter((m) => Date.parse(m.at) >= from), plans: plans(s), findings,
      open_findings: findings.filter((f) => !f.resolved_at).length,
      changes: state.changes.filter((c) => c.statements.some((t) => t.statement_id === s.id && t.role === "touched")),
    };
  });
}

function queryRows(state: MockState, query: URLSearchParams): QueryRow[] {
  if (state.empty) return [];
  const { from, to } = bounds(query);
  const wanted = (name: string, value: string) => !query.get(name) || query.get(name) === value;
  const search = (query.get("search") ?? "").toLowerCase();
  const total = statements.reduce((sum, s) => sum + s.calls * s.mean, 0);
  return statements
    .map((s) => row(s, from, to, total))
    .filter((r) => wanted("instance", r.instance_id) && wanted("database", r.database) && wanted("user", r.user) && r.text.toLowerCase().includes(search))
    .map((r) => ({ ...r, open_findings: state.findings.filter((f) => f.statement_id === r.statement_id && !f.resolved_at).length }));
}

function series(state: MockState, instance: Instance, query: URLSearchParams) {
  const { from, to } = bounds(query);
  const step = Number(query.get("step_s") ?? 60) * 1000;
  const metric = query.get("metric") ?? "db_time";
  const names = metric === "waits" ? ["CPU", "IO", "Lock", "LWLock", "Client"] : [];
  const weights = [0.46, 0.31, 0.12, 0.06, 0.05];
  const times: number[] = [];
  for (let at = from; at < to; at += step) times.push(at);
  const valueAt = (name: string, at: number, weight: number) => (instance.db_time_fraction === null ? 0 : seriesValue(instance, name, at) * weight);
  const marked = state.changes.filter((c) => c.instance_id === instance.id && c.verified_at);
  return {
    points: instance.status === "waiting" ? [] : times.map((at) => ({ at: iso(at), value: valueAt(metric, at, 1) })),
    series: names.map((name, index) => ({ name, points: times.map((at) => ({ at: iso(at), value: valueAt(`waits ${name}`, at, weights[index] ?? 0) })) })),
    marks: [
      ...marked.map((c) => ({ at: c.verified_at ?? "", kind: "change_applied" as const, label: c.title, change_id: c.id })),
      ...(instance.name === "orders-prod" ? [{ at: iso(STARTED - 16 * MINUTE), kind: "plan_change" as const, label: "2 plans changed on shop", change_id: null }] : []),
      ...(instance.name === "analytics" ? [{ at: ago(11 * HOUR), kind: "restart" as const, label: "PostgreSQL restarted (17.4 → 17.5)", change_id: null }] : []),
    ].filter((m) => Date.parse(m.at) >= from && Date.parse(m.at) <= to),
  };
}
