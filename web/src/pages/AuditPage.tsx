import { useQuery } from "@tanstack/react-query";
import { roleCan } from "~/access/capabilities.ts";
import { useSession } from "~/access/session.tsx";
import { read } from "~/api/read.ts";
import type { AuditEntry } from "~/api/types.ts";
import { DataTable, type Column } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { FilterBar, Pager, UrlSearch } from "~/ui/ListControls.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Page } from "~/ui/Page.tsx";
import { At } from "~/ui/Time.tsx";
import { useUrl } from "~/url-state.ts";

const COLUMNS: readonly Column<AuditEntry>[] = [
  { id: "at", label: "When", cell: (e) => <At at={e.at} /> },
  { id: "actor", label: "Who", cell: (e) => e.actor },
  { id: "action", label: "Did", primary: true, cell: (e) => <code>{e.action}</code> },
  { id: "subject", label: "To what", cell: (e) => e.subject },
  { id: "detail", label: "Detail", wide: true, cell: (e) => <span title={e.detail ?? undefined}>{e.detail}</span> },
];

export function Component() {
  const { user } = useSession();
  const permission = roleCan("approver", user.role);
  return (
    <Page title="Audit" subtitle="Who did what, and when. Entries are only ever added.">
      {permission.allowed ? <Entries /> : <Empty title="Not for this role">{permission.why}</Empty>}
    </Page>
  );
}

function Entries() {
  const url = useUrl();
  const entries = useQuery(read.audit({ search: url.get("search"), cursor: url.get("cursor") }));
  return (
    <>
      <FilterBar>
        <UrlSearch label="Search the log" />
      </FilterBar>
      <Loaded query={entries} lines={16}>
        {(list) => (
          <>
            <DataTable label="Audit log" columns={COLUMNS} rows={list.items} rowKey={(e) => e.id} empty={<Empty title="No entry matches">Nothing was done yet that matches this search.</Empty>} />
            <Pager shown={list.items.length} total={list.total} next={list.next_cursor} what="entries" />
          </>
        )}
      </Loaded>
    </>
  );
}
