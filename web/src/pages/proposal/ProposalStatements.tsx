import type { Proposal, ProposalStatement } from "~/api/types.ts";
import { amount, share } from "~/format.ts";
import { links } from "~/links.ts";
import { DataTable, RowLink, type Column } from "~/ui/DataTable.tsx";
import { EffectText } from "~/ui/Effect.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { Section } from "~/ui/Page.tsx";
import { SqlLine } from "~/ui/SqlText.tsx";
import { STATEMENT_VERDICT } from "~/ui/states.ts";
import { StateWord } from "~/ui/StateWord.tsx";

const columns = (instanceId: string): Column<ProposalStatement>[] => [
  { id: "text", label: "Statement", primary: true, wide: true, cell: (s) => <RowLink to={links.query(instanceId, s.statement_id)}><SqlLine sql={s.text} /></RowLink> },
  { id: "verdict", label: "Becomes", cell: (s) => <StateWord of={STATEMENT_VERDICT[s.verdict]} /> },
  { id: "predicted", label: "Predicted time", numeric: true, cell: (s) => <EffectText of={s.predicted} kind="predicted" /> },
  { id: "before", label: "Cost now", numeric: true, cell: (s) => amount(s.cost_before) },
  { id: "after", label: "Cost after", numeric: true, cell: (s) => amount(s.cost_after) },
  { id: "uses", label: "Uses it", cell: (s) => (s.uses_index ? "yes" : "no") },
  { id: "share", label: "Share of time", numeric: true, cell: (s) => share(s.time_share) },
];

export function ProposalStatements({ proposal }: { proposal: Proposal }) {
  return (
    <Section title="Statements it touches" hint={`${proposal.statements_helped} faster, ${proposal.statements_hurt} slower; cost is the planner's unit`} flush>
      <DataTable
        label="Statements that become faster or slower"
        columns={columns(proposal.instance_id)}
        rows={proposal.statements}
        rowKey={(s) => s.statement_id}
        empty={<Empty title="No statement was checked">Nothing that ran lately reads this table.</Empty>}
      />
    </Section>
  );
}
