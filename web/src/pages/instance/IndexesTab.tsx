import { Checkbox } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { read } from "~/api/read.ts";
import type { IndexRow } from "~/api/types.ts";
import { amount, bytes } from "~/format.ts";
import { DataTable, type Column } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { FilterBar, Pager } from "~/ui/ListControls.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { indexColumns } from "~/ui/sql-tokens.ts";
import { SqlLine } from "~/ui/SqlText.tsx";
import { Ago } from "~/ui/Time.tsx";
import { useUrl } from "~/url-state.ts";
import classes from "./Instance.module.css";

const COLUMNS: readonly Column<IndexRow>[] = [
  { id: "name", label: "Index", primary: true, cell: (i) => <strong>{i.name}</strong> },
  { id: "table", label: "Table", cell: (i) => `${i.schema}.${i.table}` },
  { id: "definition", label: "Definition", wide: true, cell: (i) => <SqlLine sql={i.definition} shown={indexColumns(i.definition)} /> },
  { id: "what", label: "Is", cell: (i) => [i.constraint ? "constraint" : i.unique ? "unique" : "plain", i.valid ? null : "invalid"].filter(Boolean).join(", ") },
  { id: "size", label: "Size", numeric: true, cell: (i) => bytes(i.size_bytes) },
  { id: "scans", label: "Scans", numeric: true, cell: (i) => amount(i.scans) },
  { id: "since", label: "Scans since", numeric: true, cell: (i) => (i.stats_since ? <Ago at={i.stats_since} /> : <span title="The counters of this database were never reset.">it was made</span>) },
];

export function IndexesTab({ instanceId }: { instanceId: string }) {
  const url = useUrl();
  const unused = url.get("unused") === "true";
  const indexes = useQuery(read.indexes(instanceId, { unused: unused || undefined, cursor: url.get("cursor") }));
  return (
    <div className={classes.stack}>
      <FilterBar>
        <Checkbox size="xs" label="Only those that are hardly used" checked={unused} onChange={(event) => url.set({ unused: event.currentTarget.checked ? "true" : undefined })} />
      </FilterBar>
      <Loaded query={indexes}>
        {(list) => (
          <>
            <DataTable label="Indexes" columns={COLUMNS} rows={list.items} rowKey={(i) => `${i.database} ${i.schema} ${i.name}`} chooser empty={<Empty title="No index">The schema is read every 15 minutes; nothing has been read yet, or nothing matches.</Empty>} />
            <Pager shown={list.items.length} total={list.total} next={list.next_cursor} what="indexes" />
          </>
        )}
      </Loaded>
    </div>
  );
}
