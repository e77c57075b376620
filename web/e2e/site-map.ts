// Every page of the console with data to show, found by asking the API what there is.
import type { APIRequestContext } from "@playwright/test";
import { links } from "../src/links.ts";

export interface Stop {
  name: string;
  path: string;
}

interface Listed {
  id?: string;
  instance_id?: string;
  statement_id?: string;
}

async function first(request: APIRequestContext, path: string, prefer: (item: Listed) => boolean = () => true): Promise<Listed | undefined> {
  const response = await request.get(path);
  const body: { items?: Listed[] } = response.ok() ? await response.json() : {};
  return body.items?.find(prefer) ?? body.items?.[0];
}

export async function siteMap(request: APIRequestContext): Promise<Stop[]> {
  const instance = await first(request, "/api/v1/instances");
  const query = await first(request, "/api/v1/queries?sort=time_share&desc=true");
  const finding = await first(request, "/api/v1/findings?state=all");
  const waiting = await first(request, "/api/v1/proposals?state=waiting");
  const proposal = waiting ?? (await first(request, "/api/v1/proposals"));
  const change = (await first(request, "/api/v1/changes?state=confirmed")) ?? (await first(request, "/api/v1/changes"));
  return [
    { name: "overview", path: links.overview() },
    { name: "fleet", path: links.fleet() },
    { name: "enrol", path: `${links.fleet()}?enrol=open` },
    ...(instance?.id
      ? ["health", "activity", "collectors", "indexes", "settings"].map((tab) => ({ name: `instance-${tab}`, path: links.instance(instance.id ?? "", tab) }))
      : []),
    { name: "queries", path: links.queries() },
    ...(query?.instance_id && query.statement_id ? [{ name: "query", path: links.query(query.instance_id, query.statement_id) }] : []),
    { name: "findings", path: links.findings({ state: "all" }) },
    ...(finding?.id ? [{ name: "finding", path: links.finding(finding.id) }] : []),
    { name: "proposals", path: links.proposals() },
    { name: "new-proposal", path: links.newProposal() },
    ...(proposal?.id ? [{ name: "proposal", path: links.proposal(proposal.id) }] : []),
    { name: "changes", path: links.changes() },
    ...(change?.id ? [{ name: "change", path: links.change(change.id) }] : []),
    { name: "outcomes", path: links.outcomes() },
    { name: "audit", path: links.audit() },
    ...["people", "tokens", "key", "jobs", "about"].map((tab) => ({ name: `settings-${tab}`, path: links.settings(tab) })),
    { name: "no-such-page", path: "/no-such-page" },
  ];
}
