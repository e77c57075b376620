import { TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { read } from "~/api/read.ts";
import type { QueryList, QueryRow } from "~/api/types.ts";
import { amount, count, duration, sentence, share } from "~/format.ts";
import { links } from "~/links.ts";
import { DataTable, RowLink, type Column } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { InstanceSelect } from "~/ui/InstanceSelect.tsx";
import { FilterBar, Pager, UrlSearch } from "~/ui/ListControls.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Note } from "~/ui/Note.tsx";
import { Page } from "~/ui/Page.tsx";
import { ShareBar } from "~/ui/ShareBar.tsx";
import { Sparkline, zeroIsUnknown } from "~/ui/Sparkline.tsx";
import { SqlLine } from "~/ui/SqlText.tsx";
import { TimeRangePicker, useTimeRange } from "~/ui/TimeRangePicker.tsx";
import { oneOf, useUrl } from "~/url-state.ts";

const SORTS = ["time_share", "mean", "calls", "blocks"] as const;
const FULL = 0.995;

const columns = (most: number): Column<QueryRow>[] => [
  { id: "text", label: "Statement", primary: true, wide: true, cell: (q) => <RowLink to={links.query(q.instance_id, q.statement_id)}><SqlLine sql={q.text} /></RowLink> },
  { id: "share", label: "Share of time", numeric: true, sort: "time_share", cell: (q) => <ShareBar of={q.time_share} most={most} /> },
  { id: "mean", label: "Mean", numeric: true, sort: "mean", cell: (q) => duration(q.mean_ms) },
  { id: "trend", label: "Trend", cell: (q) => <Sparkline values={zeroIsUnknown(q.trend)} label={`Mean time of the statement, now ${duration(q.trend.at(-1))}`} width={84} /> },
  { id: "calls", label: "Calls", numeric: true, sort: "calls", cell: (q) => amount(q.calls) },
  { id: "blocks", label: "Blocks/call", numeric: true, sort: "blocks", cell: (q) => amount(q.blocks_per_call) },
  { id: "rows", label: "Rows/call", numeric: true, extra: true, cell: (q) => amount(q.rows_per_call) },
  { id: "instance", label: "Instance", cell: (q) => <Link to={links.instance(q.instance_id)}>{q.instance_name}</Link> },
  { id: "database", label: "Database, user", extra: true, cell: (q) => `${q.database}, ${q.user}` },
  { id: "findings", label: "Findings", numeric: true, cell: (q) => (q.open_findings > 0 ? count(q.open_findings) : "") },
];

export function Component() {
  const url = useUrl();
  const range = useTimeRange();
  const by = oneOf(url.get("sort"), SORTS) ?? "time_share";
  const desc = url.get("desc") !== "false";
  const queries = useQuery(
    read.queries(
      { instance: url.get("instance"), database: url.get("database"), user: url.get("user"), search: url.get("search"), sort: by, desc, cursor: url.get("cursor") },
      range,
    ),
  );
  return (
    <Page title="Queries" subtitle="Where the database time goes. Texts are normalised: no literal leaves the database's host." actions={<TimeRangePicker />}>
      <FilterBar>
        <UrlSearch label="Search the texts" />
        <InstanceSelect />
        <UrlText name="database" label="Database" />
        <UrlText name="user" label="User" />
      </FilterBar>
      <Loaded query={queries} lines={16}>
        {(list) => (
          <>
            <DataTable
              label="Queries"
              columns={columns(Math.max(...list.items.map((q) => q.time_share), 0.01))}
              rows={list.items}
              rowKey={(q) => `${q.instance_id} ${q.statement_id}`}
              sort={{ by, desc }}
              chooser
              empty={<Empty title="No statements">{sentence(list.empty_reason)} <Link to={links.fleet()}>See the fleet</Link></Empty>}
            />
            <Pager shown={list.items.length} total={list.total} next={list.next_cursor} what="statements" />
            <Coverage of={list.coverage} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function UrlText({ name, label }: { name: string; label: string }) {
  const url = useUrl();
  const value = url.get(name) ?? "";
  const send = (text: string) => {
    if (text !== value) url.set({ [name]: text });
  };
  return (
    <TextInput
      key={value}
      aria-label={label}
      placeholder={label}
      w={120}
      defaultValue={value}
      onBlur={(event) => send(event.currentTarget.value)}
      onKeyDown={(event) => event.key === "Enter" && send(event.currentTarget.value)}
    />
  );
}

/** Says so when the rows are not the whole story. */
function Coverage({ of }: { of: QueryList["coverage"] }) {
  if (!of || of.fraction >= FULL || !of.reason) return null;
  return (
    <Note tone="idle">
      Complete statistics came for {share(of.fraction)} of this time range. {sentence(of.reason)}
    </Note>
  );
}
