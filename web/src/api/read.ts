// Everything the console reads, as query options. The first part of each key is the topic under which the controller
// announces changes, so one event refreshes every page that shows that kind of thing.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { answer, client } from "./client.ts";
import { Problem } from "./problem.ts";
import type { AuditSearch, ChangeSearch, FindingSearch, ProposalSearch, QuerySearch, SeriesMetric } from "./types.ts";
import type { TimeRange } from "~/time-range.ts";

const FEW = 200;

export const read = {
  /** null when nobody is signed in: that is an answer, not a failure. */
  session: () =>
    queryOptions({
      queryKey: ["session"],
      queryFn: async () => {
        try {
          return await answer(client.GET("/api/v1/session"));
        } catch (error) {
          if (error instanceof Problem && error.status === 401) return null;
          throw error;
        }
      },
      staleTime: 5 * 60_000,
    }),
  setUp: () => queryOptions({ queryKey: ["setup"], queryFn: () => answer(client.GET("/api/v1/setup")) }),

  summary: () =>
    queryOptions({ queryKey: ["summary"], queryFn: () => answer(client.GET("/api/v1/fleet/summary")) }),
  agents: () =>
    queryOptions({
      queryKey: ["agents"],
      queryFn: () => answer(client.GET("/api/v1/agents", { params: { query: { limit: FEW } } })),
    }),
  instances: (cursor?: string) =>
    queryOptions({
      queryKey: ["instances", "list", cursor],
      queryFn: () => answer(client.GET("/api/v1/instances", { params: { query: { limit: FEW, cursor } } })),
    }),
  instance: (id: string) =>
    queryOptions({
      queryKey: ["instances", id],
      queryFn: () => answer(client.GET("/api/v1/instances/{id}", { params: { path: { id } } })),
    }),
  series: (id: string, metric: SeriesMetric, range: TimeRange) =>
    queryOptions({
      queryKey: ["instances", id, "series", metric, range.name],
      queryFn: () =>
        answer(
          client.GET("/api/v1/instances/{id}/series", {
            params: { path: { id }, query: { metric, step_s: range.stepSeconds, ...range.bounds(Date.now()) } },
          }),
        ),
      placeholderData: keepPreviousData,
    }),
  activity: (id: string) =>
    queryOptions({
      queryKey: ["instances", id, "activity"],
      queryFn: () => answer(client.GET("/api/v1/instances/{id}/activity", { params: { path: { id } } })),
    }),
  settings: (id: string, search: string | undefined) =>
    queryOptions({
      queryKey: ["instances", id, "settings", search],
      queryFn: () =>
        answer(
          client.GET("/api/v1/instances/{id}/settings", { params: { path: { id }, query: { search, limit: FEW } } }),
        ),
      placeholderData: keepPreviousData,
    }),
  indexes: (id: string, query: { unused?: boolean; cursor?: string }) =>
    queryOptions({
      queryKey: ["instances", id, "indexes", query],
      queryFn: () => answer(client.GET("/api/v1/instances/{id}/indexes", { params: { path: { id }, query } })),
      placeholderData: keepPreviousData,
    }),

  queries: (query: QuerySearch, range: TimeRange) =>
    queryOptions({
      queryKey: ["queries", query, range.name],
      queryFn: () =>
        answer(client.GET("/api/v1/queries", { params: { query: { ...query, ...range.bounds(Date.now()) } } })),
      placeholderData: keepPreviousData,
    }),
  query: (id: string, statementId: string, range: TimeRange) =>
    queryOptions({
      queryKey: ["queries", id, statementId, range.name],
      queryFn: () =>
        answer(
          client.GET("/api/v1/instances/{id}/queries/{statement_id}", {
            params: { path: { id, statement_id: statementId }, query: range.bounds(Date.now()) },
          }),
        ),
      placeholderData: keepPreviousData,
    }),

  findings: (query: FindingSearch) =>
    queryOptions({
      queryKey: ["findings", query],
      queryFn: () => answer(client.GET("/api/v1/findings", { params: { query } })),
      placeholderData: keepPreviousData,
    }),
  finding: (id: string) =>
    queryOptions({
      queryKey: ["findings", id],
      queryFn: () => answer(client.GET("/api/v1/findings/{id}", { params: { path: { id } } })),
    }),
  proposals: (query: ProposalSearch) =>
    queryOptions({
      queryKey: ["proposals", query],
      queryFn: () => answer(client.GET("/api/v1/proposals", { params: { query } })),
      placeholderData: keepPreviousData,
    }),
  proposal: (id: string) =>
    queryOptions({
      queryKey: ["proposals", id],
      queryFn: () => answer(client.GET("/api/v1/proposals/{id}", { params: { path: { id } } })),
    }),
  changes: (query: ChangeSearch) =>
    queryOptions({
      queryKey: ["changes", query],
      queryFn: () => answer(client.GET("/api/v1/changes", { params: { query } })),
      placeholderData: keepPreviousData,
    }),
  change: (id: string) =>
    queryOptions({
      queryKey: ["changes", id],
      queryFn: () => answer(client.GET("/api/v1/changes/{id}", { params: { path: { id } } })),
    }),

  outcomes: () =>
    queryOptions({
      queryKey: ["outcomes"],
      queryFn: () => answer(client.GET("/api/v1/outcomes", { params: { query: { limit: FEW } } })),
    }),
  outcomesSummary: () =>
    queryOptions({
      queryKey: ["outcomes", "summary"],
      queryFn: () => answer(client.GET("/api/v1/outcomes/summary")),
    }),

  users: () =>
    queryOptions({
      queryKey: ["users"],
      queryFn: () => answer(client.GET("/api/v1/users", { params: { query: { limit: FEW } } })),
    }),
  tokens: () =>
    queryOptions({
      queryKey: ["tokens"],
      queryFn: () => answer(client.GET("/api/v1/tokens", { params: { query: { limit: FEW } } })),
    }),
  jobs: () =>
    queryOptions({
      queryKey: ["jobs"],
      queryFn: () => answer(client.GET("/api/v1/jobs", { params: { query: { limit: FEW } } })),
    }),
  about: () => queryOptions({ queryKey: ["about"], queryFn: () => answer(client.GET("/api/v1/about")) }),
  audit: (query: AuditSearch) =>
    queryOptions({
      queryKey: ["audit", query],
      queryFn: () => answer(client.GET("/api/v1/audit", { params: { query } })),
      placeholderData: keepPreviousData,
    }),
};
