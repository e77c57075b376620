import { Link } from "react-router";
import type { Finding } from "~/api/types.ts";
import { MISSING, share, timePerHour } from "~/format.ts";
import { links } from "~/links.ts";
import { RowLink, type Column } from "~/ui/DataTable.tsx";
import { FINDING_KIND, findingWord, SEVERITY } from "~/ui/states.ts";
import { StateWord } from "~/ui/StateWord.tsx";
import { Ago } from "~/ui/Time.tsx";

export const FINDING_COLUMNS: readonly Column<Finding>[] = [
  { id: "title", label: "Finding", primary: true, wide: true, cell: (f) => <RowLink to={links.finding(f.id)}>{f.title}</RowLink> },
  { id: "severity", label: "Severity", cell: (f) => <StateWord of={SEVERITY[f.severity]} /> },
  { id: "kind", label: "Kind", cell: (f) => FINDING_KIND[f.kind] },
  { id: "object", label: "Object", extra: true, cell: (f) => f.object ?? MISSING },
  { id: "instance", label: "Instance", cell: (f) => <Link to={links.instance(f.instance_id)}>{f.instance_name}</Link> },
  { id: "share", label: "Share of time", numeric: true, cell: (f) => share(f.time_share) },
  { id: "lost", label: "Costs", numeric: true, cell: (f) => timePerHour(f.lost_ms_per_hour) },
  { id: "first_seen", label: "First seen", numeric: true, extra: true, cell: (f) => <Ago at={f.first_seen_at} /> },
  { id: "state", label: "State", cell: (f) => <StateWord of={findingWord(f)} plain /> },
  { id: "proposal", label: "Proposal", cell: (f) => <ProposalLink of={f} /> },
];

function ProposalLink({ of }: { of: Finding }) {
  const newest = of.proposal_ids[0];
  return newest ? <Link to={links.proposal(newest)}>Open</Link> : <span>{MISSING}</span>;
}
