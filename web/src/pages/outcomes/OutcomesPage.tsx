import { useQuery } from "@tanstack/react-query";
import { read } from "~/api/read.ts";
import type { Outcome, OutcomesSummary } from "~/api/types.ts";
import { PredictedRealised } from "~/charts/PredictedRealised.tsx";
import { amount, count, MISSING, plural, share } from "~/format.ts";
import { links } from "~/links.ts";
import { DataTable, RowLink, type Column } from "~/ui/DataTable.tsx";
import { EffectText } from "~/ui/Effect.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { Facts } from "~/ui/Facts.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Page, Section } from "~/ui/Page.tsx";
import { VERDICT } from "~/ui/states.ts";
import { StateWord } from "~/ui/StateWord.tsx";
import { Ago } from "~/ui/Time.tsx";
import { ModelVersions } from "./ModelVersions.tsx";
import classes from "./Outcomes.module.css";

const COLUMNS: readonly Column<Outcome>[] = [
  { id: "title", label: "Change", primary: true, wide: true, cell: (o) => <RowLink to={links.change(o.change_id)}>{o.title}</RowLink> },
  { id: "verdict", label: "Verdict", cell: (o) => <StateWord of={VERDICT[o.verdict]} /> },
  { id: "instance", label: "Instance", extra: true, cell: (o) => o.instance_name },
  { id: "predicted", label: "Predicted", numeric: true, cell: (o) => <EffectText of={o.predicted} kind="predicted" /> },
  { id: "realised", label: "Measured", numeric: true, cell: (o) => <EffectText of={o.realised} kind="measured" strong /> },
  { id: "covered", label: "Inside", cell: (o) => (o.covered == null ? MISSING : o.covered ? "yes" : "no") },
  { id: "accuracy", label: "Accuracy", numeric: true, cell: (o) => share(o.accuracy) },
  { id: "model", label: "Model", numeric: true, extra: true, cell: (o) => `v${o.model_version}` },
  { id: "measured", label: "When", numeric: true, cell: (o) => <Ago at={o.measured_at} /> },
];

export function Component() {
  const summary = useQuery(read.outcomesSummary());
  const outcomes = useQuery(read.outcomes());
  return (
    <Page title="Outcomes" subtitle="Were the predictions right? Every measured change teaches the next prediction.">
      <Loaded query={summary} lines={5}>
        {(data) => <Accuracy of={data} />}
      </Loaded>
      <div className={classes.pair}>
        <Section title="Predicted and measured">
          <Loaded query={outcomes}>{(list) => (list.items.length > 0 ? <PredictedRealised outcomes={list.items} /> : <Nothing />)}</Loaded>
        </Section>
        <Section title="Model versions">
          <Loaded query={summary}>{(data) => <ModelVersions of={data} />}</Loaded>
        </Section>
      </div>
      <Section title="Every outcome" flush>
        <Loaded query={outcomes}>{(list) => <DataTable label="Outcomes" columns={COLUMNS} rows={list.items} rowKey={(o) => o.change_id} empty={<Nothing />} />}</Loaded>
      </Section>
    </Page>
  );
}

function Nothing() {
  return <Empty title="No outcome yet">An outcome is recorded when a change has a verdict: helped, no effect or harmed.</Empty>;
}

function Accuracy({ of }: { of: OutcomesSummary }) {
  const { by_verdict: verdicts, model } = of;
  return (
    <Section title="How good the predictions are">
      <Facts
        large
        of={[
          { label: "Accuracy", value: share(of.accuracy), note: `over ${plural(of.outcomes, "outcome")}` },
          { label: "Inside the interval", value: share(of.interval_coverage), note: `${share(of.interval_level)} would be perfect` },
          { label: "Helped", value: count(verdicts.helped) },
          { label: "No effect", value: count(verdicts.no_effect), note: "undone, but for drops" },
          { label: "Harmed", value: count(verdicts.harmed), note: "undone" },
          { label: "Too little data", value: count(verdicts.too_little_data) },
          { label: "Model", value: `v${model.version}`, note: `corrects by ${amount(model.correction)}, spread ${amount(model.spread)}` },
        ]}
      />
      <p className={classes.formula}>{of.formula}</p>
    </Section>
  );
}
