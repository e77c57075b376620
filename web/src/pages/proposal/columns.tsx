import { Link } from "react-router";
import type { ProposalRow } from "~/api/types.ts";
import { bytes, count, MISSING } from "~/format.ts";
import { links } from "~/links.ts";
import { RowLink, type Column } from "~/ui/DataTable.tsx";
import { EffectText } from "~/ui/Effect.tsx";
import { CHANGE_KIND, PROPOSAL_STATE } from "~/ui/states.ts";
import { StateWord } from "~/ui/StateWord.tsx";
import { Ago } from "~/ui/Time.tsx";

export const PROPOSAL_COLUMNS: readonly Column<ProposalRow>[] = [
  { id: "title", label: "Proposal", primary: true, wide: true, cell: (p) => <RowLink to={links.proposal(p.id)}>{p.title}</RowLink> },
  { id: "state", label: "State", cell: (p) => <StateWord of={PROPOSAL_STATE[p.state]} /> },
  { id: "kind", label: "Kind", extra: true, cell: (p) => CHANGE_KIND[p.kind] },
  { id: "instance", label: "Instance", cell: (p) => <Link to={links.instance(p.instance_id)}>{p.instance_name}</Link> },
  { id: "predicted", label: "Predicted time", numeric: true, cell: (p) => (p.predicted ? <EffectText of={p.predicted} kind="predicted" /> : "not predicted") },
  { id: "simulated", label: "Simulated", cell: (p) => (p.simulated ? "yes" : "no, estimated") },
  { id: "statements", label: "Faster / slower", numeric: true, cell: (p) => `${count(p.statements_helped)} / ${count(p.statements_hurt)}` },
  { id: "size", label: "Size", numeric: true, extra: true, cell: (p) => bytes(p.size_bytes) },
  { id: "created", label: "Made", numeric: true, extra: true, cell: (p) => <Ago at={p.created_at} /> },
  { id: "expires", label: "Expires", numeric: true, cell: (p) => (p.state === "waiting" ? <Ago at={p.expires_at} /> : MISSING) },
];
