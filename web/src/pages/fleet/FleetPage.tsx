import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { roleCan } from "~/access/capabilities.ts";
import { useSession } from "~/access/session.tsx";
import { read } from "~/api/read.ts";
import type { Instance } from "~/api/types.ts";
import { amount, count, perSecond } from "~/format.ts";
import { links } from "~/links.ts";
import { ActionButton } from "~/ui/ActionButton.tsx";
import { DataTable, RowLink, type Column } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { Pager } from "~/ui/ListControls.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Page, Section } from "~/ui/Page.tsx";
import { sinceFirst, Sparkline } from "~/ui/Sparkline.tsx";
import { INSTANCE_STATUS } from "~/ui/states.ts";
import { StateWord } from "~/ui/StateWord.tsx";
import { Ago } from "~/ui/Time.tsx";
import { useUrl } from "~/url-state.ts";
import { AgentsTable } from "./AgentsTable.tsx";
import { EnrolDialog } from "./EnrolDialog.tsx";

const COLUMNS: readonly Column<Instance>[] = [
  { id: "name", label: "Instance", primary: true, wide: true, cell: (i) => <InstanceName of={i} /> },
  { id: "status", label: "State", cell: (i) => <StateWord of={INSTANCE_STATUS[i.status]} title={i.status_reason} /> },
  { id: "version", label: "Engine", cell: (i) => `${i.engine === "postgresql" ? "PostgreSQL" : i.engine} ${i.version}` },
  { id: "load", label: "Active sessions", numeric: true, cell: (i) => amount(i.db_time_fraction) },
  { id: "trend", label: "Last hour", cell: (i) => <Sparkline values={sinceFirst(i.sparkline)} label={`Active sessions of ${i.name} over the last hour`} width={110} /> },
  { id: "calls", label: "Calls", numeric: true, cell: (i) => perSecond(i.calls_per_s) },
  { id: "findings", label: "Findings", numeric: true, cell: (i) => (i.open_findings > 0 ? <Link to={links.findings({ instance: i.id })}>{count(i.open_findings)}</Link> : "none") },
  { id: "report", label: "Last report", numeric: true, cell: (i) => <Ago at={i.last_report_at} /> },
];

function InstanceName({ of }: { of: Instance }) {
  return (
    <>
      <RowLink to={links.instance(of.id)}>{of.name}</RowLink> <small>{of.in_recovery ? `${of.environment}, replica` : of.environment}</small>
    </>
  );
}

export function Component() {
  const url = useUrl();
  const { user } = useSession();
  const instances = useQuery(read.instances(url.get("cursor")));
  return (
    <Page
      title="Fleet"
      subtitle="The databases that are watched, and the agents that watch them."
      actions={
        <ActionButton permission={roleCan("admin", user.role)} leftSection={<IconPlus size={14} aria-hidden />} onClick={() => url.set({ enrol: "open" })}>
          Enrol an agent
        </ActionButton>
      }
    >
      <Section title="Instances" flush>
        <Loaded query={instances}>
          {(list) => (
            <>
              <DataTable
                label="Instances"
                columns={COLUMNS}
                rows={list.items}
                rowKey={(instance) => instance.id}
                empty={<Empty title="No database is watched yet">Enrol an agent on a database's host; the instance appears with its first report.</Empty>}
              />
              {list.total > list.items.length && <Pager shown={list.items.length} total={list.total} next={list.next_cursor} what="instances" />}
            </>
          )}
        </Loaded>
      </Section>
      <AgentsTable />
      <EnrolDialog opened={url.get("enrol") === "open"} onClose={() => url.set({ enrol: undefined }, { replace: true })} />
    </Page>
  );
}
