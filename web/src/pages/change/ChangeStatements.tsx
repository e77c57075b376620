import type { Change, ChangeStatement } from "~/api/types.ts";
import { amount, count, duration } from "~/format.ts";
import { links } from "~/links.ts";
import { DataTable, RowLink, type Column } from "~/ui/DataTable.tsx";
import { EffectText } from "~/ui/Effect.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { Section } from "~/ui/Page.tsx";
import { SqlLine } from "~/ui/SqlText.tsx";
import { StateWord } from "~/ui/StateWord.tsx";
import type { Word } from "~/ui/states.ts";

const ROLE: Record<ChangeStatement["role"], Word> = {
  touched: { word: "touched", tone: "busy", sign: "flask" },
  control: { word: "control", tone: "idle", sign: "dash" },
};

const columns = (instanceId: string): Column<ChangeStatement>[] => [
  { id: "text", label: "Statement", primary: true, wide: true, cell: (s) => <RowLink to={links.query(instanceId, s.statement_id)}><SqlLine sql={s.text} /></RowLink> },
  { id: "role", label: "Role", cell: (s) => <StateWord of={ROLE[s.role]} plain /> },
  { id: "effect", label: "Effect", numeric: true, cell: (s) => <EffectText of={s.effect} kind={s.role === "control" ? "control" : "measured"} /> },
  { id: "mean", label: "Mean time", numeric: true, cell: (s) => `${duration(s.before?.mean_ms)} → ${duration(s.after?.mean_ms)}` },
  { id: "blocks", label: "Blocks per call", numeric: true, cell: (s) => `${amount(s.before?.blocks_per_call)} → ${amount(s.after?.blocks_per_call)}` },
  { id: "calls", label: "Calls after", numeric: true, extra: true, cell: (s) => count(s.after?.calls) },
];

export function ChangeStatements({ change }: { change: Change }) {
  return (
    <Section title="Statements" hint={change.switchback ? "each with the change against without it" : "touched ones, against controls that the change cannot reach"} flush>
      <DataTable
        label="Touched and control statements"
        columns={columns(change.instance_id)}
        rows={change.statements}
        rowKey={(s) => s.statement_id}
        empty={<Empty title="No statement is measured yet">They are chosen when the trial begins.</Empty>}
      />
    </Section>
  );
}
