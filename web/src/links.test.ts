import { expect, test } from "vitest";
import { links } from "./links.ts";

test("every path of the console", () => {
  expect({
    overview: links.overview(),
    signIn: links.signIn("/changes/1?tab=a"),
    signInHome: links.signIn("/"),
    fleet: links.fleet(),
    instance: links.instance("i-1"),
    instanceTab: links.instance("i-1", "settings"),
    queries: links.queries({ instance: "i-1", search: "from orders" }),
    query: links.query("i-1", "00ff00ff00ff00ff"),
    findings: links.findings({ state: "open" }),
    finding: links.finding("f-1"),
    proposals: links.proposals(),
    proposal: links.proposal("p-1"),
    proposalExport: links.proposalExport("p-1", "sql"),
    changes: links.changes({ state: "trial" }),
    change: links.change("c-1"),
    outcomes: links.outcomes(),
    settings: links.settings("people"),
    audit: links.audit(),
  }).toMatchInlineSnapshot(`
    {
      "audit": "/audit",
      "change": "/changes/c-1",
      "changes": "/changes?state=trial",
      "finding": "/findings/f-1",
      "findings": "/findings?state=open",
      "fleet": "/fleet",
      "instance": "/instances/i-1",
      "instanceTab": "/instances/i-1?tab=settings",
      "outcomes": "/outcomes",
      "overview": "/",
      "proposal": "/proposals/p-1",
      "proposalExport": "/api/v1/proposals/p-1/export?format=sql",
      "proposals": "/proposals",
      "queries": "/queries?instance=i-1&search=from+orders",
      "query": "/instances/i-1/queries/00ff00ff00ff00ff",
      "settings": "/settings?tab=people",
      "signIn": "/signin?next=%2Fchanges%2F1%3Ftab%3Da",
      "signInHome": "/signin",
    }
  `);
});

test("an id cannot leave its place in the path", () => {
  expect(links.proposal("../users?x=1")).toBe("/proposals/..%2Fusers%3Fx%3D1");
});
