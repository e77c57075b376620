// Names for what the API answers, read off its paths. Nothing here is written by hand: when the document changes,
// `npm run generate` changes these, and the compiler points at every page that no longer fits.
import type { paths } from "./generated/schema.ts";

type Json<R> = R extends { content: { "application/json": infer Body } } ? Body : never;
type Good<R> = R extends { 200: infer A } ? Json<A> : R extends { 201: infer A } ? Json<A> : never;

/** What a GET answers when it goes well. */
export type Get<P extends keyof paths> = paths[P] extends { get: { responses: infer R } } ? Good<R> : never;
/** What a POST answers when it goes well. */
export type Posted<P extends keyof paths> = paths[P] extends { post: { responses: infer R } } ? Good<R> : never;
/** What a POST is sent. */
export type Sent<P extends keyof paths> = paths[P] extends { post: { requestBody: { content: { "application/json": infer Body } } } } ? Body : never;
/** The search parameters of a GET. */
export type Search<P extends keyof paths> = paths[P] extends { get: { parameters: { query?: infer Q } } }
  ? Exclude<Q, undefined>
  : never;
type Item<T> = T extends { items: (infer I)[] } ? I : never;

export type Session = Get<"/api/v1/session">;
export type Role = Session["user"]["role"];
export type FleetSummary = Get<"/api/v1/fleet/summary">;
export type Agent = Item<Get<"/api/v1/agents">>;
export type AgentCost = NonNullable<Agent["cost"]>;
export type JoinToken = Posted<"/api/v1/join-tokens">;
export type Instance = Item<Get<"/api/v1/instances">>;
export type InstanceDetail = Get<"/api/v1/instances/{id}">;
export type Collector = InstanceDetail["collectors"][number];
export type Series = Get<"/api/v1/instances/{id}/series">;
export type SeriesMetric = NonNullable<Search<"/api/v1/instances/{id}/series">["metric"]>;
export type Mark = Series["marks"][number];
export type Activity = Get<"/api/v1/instances/{id}/activity">;
export type Setting = Item<Get<"/api/v1/instances/{id}/settings">>;
export type IndexRow = Item<Get<"/api/v1/instances/{id}/indexes">>;
export type QueryList = Get<"/api/v1/queries">;
export type QueryRow = Item<QueryList>;
export type QuerySearch = Search<"/api/v1/queries">;
export type QuerySort = NonNullable<QuerySearch["sort"]>;
export type Query = Get<"/api/v1/instances/{id}/queries/{statement_id}">;
export type PlanVersion = Query["plans"][number];
export type PlanNode = PlanVersion["explanation"]["nodes"][number];
export type Finding = Item<Get<"/api/v1/findings">>;
export type FindingSearch = Search<"/api/v1/findings">;
export type Evidence = Finding["evidence"][number];
export type ProposalRow = Item<Get<"/api/v1/proposals">>;
export type ProposalSearch = Search<"/api/v1/proposals">;
export type Proposal = Get<"/api/v1/proposals/{id}">;
export type WantedProposal = Sent<"/api/v1/proposals">;
export type Signature = Sent<"/api/v1/changes/{id}/sign">;
export type Signing = NonNullable<Proposal["signing"]>;
export type ProposalStatement = Proposal["statements"][number];
export type Interval = NonNullable<ProposalRow["predicted"]>;
export type ChangeRow = Item<Get<"/api/v1/changes">>;
export type ChangeSearch = Search<"/api/v1/changes">;
export type Change = Get<"/api/v1/changes/{id}">;
export type ChangeEvent = Change["events"][number];
export type ChangeStatement = Change["statements"][number];
export type Effect = NonNullable<Change["measured"]>;
export type Verdict = NonNullable<ChangeRow["verdict"]>;
export type Outcome = Item<Get<"/api/v1/outcomes">>;
export type OutcomesSummary = Get<"/api/v1/outcomes/summary">;
export type User = Item<Get<"/api/v1/users">>;
export type Token = Item<Get<"/api/v1/tokens">>;
export type IssuedToken = Posted<"/api/v1/tokens">;
export type AuditEntry = Item<Get<"/api/v1/audit">>;
export type AuditSearch = Search<"/api/v1/audit">;
export type Job = Item<Get<"/api/v1/jobs">>;
export type About = Get<"/api/v1/about">;
