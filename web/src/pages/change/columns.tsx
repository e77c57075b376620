import { Link } from "react-router";
import { isUnderWay } from "~/access/lifecycle.ts";
import type { ChangeRow } from "~/api/types.ts";
import { links } from "~/links.ts";
import { RowLink, type Column } from "~/ui/DataTable.tsx";
import { EffectText, saysNothing } from "~/ui/Effect.tsx";
import { CHANGE_KIND, changeWord } from "~/ui/states.ts";
import { StateWord } from "~/ui/StateWord.tsx";
import { Ago } from "~/ui/Time.tsx";

function MeasuredSoFar({ of }: { of: ChangeRow }) {
  if (!of.effect) return isUnderWay(of.state) ? "not measured yet" : "never measured";
  if (saysNothing(of.effect)) return "too little data yet";
  return <EffectText of={of.effect} kind="measured" />;
}

export const CHANGE_COLUMNS: readonly Column<ChangeRow>[] = [
  { id: "title", label: "Change", primary: true, wide: true, cell: (c) => <RowLink to={links.change(c.id)}>{c.title}</RowLink> },
  { id: "state", label: "State", cell: (c) => <StateWord of={changeWord(c)} /> },
  { id: "kind", label: "Kind", extra: true, cell: (c) => CHANGE_KIND[c.kind] },
  { id: "instance", label: "Instance", cell: (c) => <Link to={links.instance(c.instance_id)}>{c.instance_name}</Link> },
  { id: "effect", label: "Measured time", numeric: true, cell: (c) => <MeasuredSoFar of={c} /> },
  { id: "since", label: "In this state", numeric: true, cell: (c) => <Ago at={c.state_since} /> },
  { id: "created", label: "Approved", numeric: true, extra: true, cell: (c) => <Ago at={c.created_at} /> },
];
