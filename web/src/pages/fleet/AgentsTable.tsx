import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { read } from "~/api/read.ts";
import type { Agent } from "~/api/types.ts";
import { amount, bytes, count, localTime, MISSING, plural, share } from "~/format.ts";
import { links } from "~/links.ts";
import { useNow } from "~/now.ts";
import { DataTable, type Column } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Note } from "~/ui/Note.tsx";
import { Section } from "~/ui/Page.tsx";
import { agentWord } from "~/ui/states.ts";
import { StateWord } from "~/ui/StateWord.tsx";
import { Ago } from "~/ui/Time.tsx";
import { RevokeAgent } from "./RevokeAgent.tsx";

/** Certificates live for a week and are renewed before two days of it are left. */
const RENEWAL_OVERDUE_MS = 2 * 86_400_000;

const COLUMNS: readonly Column<Agent>[] = [
  { id: "host", label: "Agent on host", primary: true, cell: (a) => <strong>{a.host_name}</strong> },
  { id: "state", label: "State", cell: (a) => <StateWord of={agentWord(a)} title={`last seen ${localTime(a.last_seen_at)}`} /> },
  { id: "instances", label: "Watches", wide: true, cell: (a) => <Watched agent={a} /> },
  { id: "version", label: "Version", extra: true, cell: (a) => a.version },
  { id: "cpu", label: "Own CPU", numeric: true, cell: (a) => share(a.cost?.cpu_fraction) },
  { id: "memory", label: "Own memory", numeric: true, extra: true, cell: (a) => <span title={`at most ${bytes(a.cost?.rss_peak_bytes)}`}>{bytes(a.cost?.rss_bytes)}</span> },
  { id: "db", label: "Own DB time", numeric: true, cell: (a) => <OwnTime agent={a} /> },
  { id: "spool", label: "Unsent", numeric: true, cell: (a) => <Spool agent={a} /> },
  { id: "certificate", label: "Certificate ends", numeric: true, cell: (a) => <Certificate at={a.certificate_expires_at} /> },
  { id: "seen", label: "Last seen", numeric: true, extra: true, cell: (a) => <Ago at={a.last_seen_at} /> },
  { id: "revoke", label: "", cell: (a) => <RevokeAgent agent={a} /> },
];

export function AgentsTable() {
  const agents = useQuery(read.agents());
  return (
    <Section title="Agents" hint="with what they cost themselves" flush>
      <Loaded query={agents} lines={5}>
        {(list) => (
          <>
            <OlderStore hosts={list.items.filter((agent) => agent.ahead_since).map((agent) => agent.host_name)} />
            <DataTable label="Agents" columns={COLUMNS} rows={list.items} rowKey={(agent) => agent.id} empty={<Empty title="No agent is enrolled">Make a join token with “Enrol an agent” and run the command it shows.</Empty>} />
          </>
        )}
      </Loaded>
    </Section>
  );
}

/** Said where this store was put back from a backup. */
function OlderStore({ hosts }: { hosts: string[] }) {
  if (hosts.length === 0) return null;
  return (
    <Note tone="bad">
      This controller's store is older than what the agents on {hosts.join(", ")} have obeyed, so they get no orders and nothing is decided about their servers here. Put the newer store back, or go on
      with this one: <code>querysmith-controller resume --reason …</code>
    </Note>
  );
}

function Watched({ agent }: { agent: Agent }) {
  if (agent.instances.length === 0) return <span>{MISSING}</span>;
  return agent.instances.map((instance, index) => (
    <span key={instance.id}>
      {index > 0 && ", "}
      <Link to={links.instance(instance.id)}>{instance.name}</Link>
    </span>
  ));
}

function OwnTime({ agent }: { agent: Agent }) {
  const { cost } = agent;
  if (!cost) return <span>{MISSING}</span>;
  if (!cost.over_budget) return <span>{share(cost.database_time_fraction)}</span>;
  const why = `Over its budget: it now collects ${amount(cost.backoff_factor)} times less often.`;
  return <StateWord of={{ word: share(cost.database_time_fraction), tone: "warn", sign: "alert" }} title={why} />;
}

function Spool({ agent }: { agent: Agent }) {
  const { reports_waiting, bytes: size, dropped_reports } = agent.spool;
  if (dropped_reports > 0) return <StateWord of={{ word: `${count(dropped_reports)} dropped`, tone: "warn", sign: "alert" }} title="Its spool was full while the controller was away." />;
  return <span title={bytes(size)}>{reports_waiting === 0 ? "nothing" : plural(reports_waiting, "report")}</span>;
}

function Certificate({ at }: { at: string | null | undefined }) {
  const now = useNow();
  if (!at) return <span>{MISSING}</span>;
  const overdue = Date.parse(at) - now < RENEWAL_OVERDUE_MS;
  return (
    <span style={overdue ? { color: "var(--qs-warn)", fontWeight: 600 } : undefined} title={overdue ? "It should have been renewed by now: see the agent's log." : undefined}>
      {overdue ? "overdue, " : ""}
      <Ago at={at} />
    </span>
  );
}
