import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { read } from "~/api/read.ts";
import type { Activity } from "~/api/types.ts";
import { count, durationOfSeconds, MISSING } from "~/format.ts";
import { links } from "~/links.ts";
import { DataTable } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Section } from "~/ui/Page.tsx";
import { ShareBar } from "~/ui/ShareBar.tsx";
import { SqlLine } from "~/ui/SqlText.tsx";
import { Ago } from "~/ui/Time.tsx";
import classes from "./Instance.module.css";

export function ActivityTab({ instanceId }: { instanceId: string }) {
  const activity = useQuery(read.activity(instanceId));
  return <Loaded query={activity}>{(data) => (data.at ? <Sample of={data} instanceId={instanceId} /> : <Empty title="No sample yet">{data.reason}</Empty>)}</Loaded>;
}

function Sample({ of, instanceId }: { of: Activity; instanceId: string }) {
  const connections = of.connections.reduce((sum, c) => sum + c.count, 0);
  const waiting = of.waits.reduce((sum, w) => sum + w.count, 0);
  const sampled = (
    <>
      sampled <Ago at={of.at} />
    </>
  );
  return (
    <div className={classes.stack}>
      <Section title="Blocked sessions" hint={sampled} flush>
        <DataTable
          label="Blocked sessions"
          rows={of.blocked}
          rowKey={(b) => String(b.pid)}
          columns={[
            { id: "pid", label: "Process", primary: true, cell: (b) => b.pid },
            { id: "by", label: "Blocked by", cell: (b) => b.blocked_by.join(", ") },
            { id: "wait", label: "Waits for", numeric: true, cell: (b) => durationOfSeconds(b.wait_s) },
            { id: "query", label: "Statement", wide: true, cell: (b) => (b.query ? <SqlLine sql={b.query} /> : MISSING) },
            { id: "link", label: "", cell: (b) => b.statement_id && <Link to={links.query(instanceId, b.statement_id)}>Open</Link> },
          ]}
          empty={<Empty title="Nobody is blocked">No session waits for a lock of another one.</Empty>}
        />
      </Section>
      <Section title="Long transactions" hint={sampled} flush>
        <DataTable
          label="Long transactions"
          rows={of.long_transactions}
          rowKey={(t) => String(t.pid)}
          columns={[
            { id: "pid", label: "Process", primary: true, cell: (t) => t.pid },
            { id: "age", label: "Open for", numeric: true, cell: (t) => durationOfSeconds(t.age_s) },
            { id: "state", label: "State", cell: (t) => t.state },
            { id: "user", label: "User", cell: (t) => t.user ?? MISSING },
            { id: "query", label: "Last statement", wide: true, cell: (t) => (t.query ? <SqlLine sql={t.query} /> : MISSING) },
          ]}
          empty={<Empty title="No long transaction">They hold back vacuum and the last phase of an index build.</Empty>}
        />
      </Section>
      <div className={classes.pair}>
        <Section title="Waits" hint={sampled} flush>
          <DataTable
            label="Waits"
            rows={of.waits}
            rowKey={(w) => `${w.event_type} ${w.event}`}
            columns={[
              { id: "event", label: "Wait", primary: true, wide: true, cell: (w) => (w.event_type === w.event ? w.event : `${w.event_type}: ${w.event}`) },
              { id: "count", label: "Sessions", numeric: true, cell: (w) => count(w.count) },
              { id: "share", label: "Share", numeric: true, cell: (w) => <ShareBar of={w.count / waiting} /> },
            ]}
            empty={<Empty title="Nobody waits" />}
          />
        </Section>
        <Section title="Connections" hint={sampled} flush>
          <DataTable
            label="Connections"
            rows={of.connections}
            rowKey={(c) => c.state}
            columns={[
              { id: "state", label: "State", primary: true, wide: true, cell: (c) => c.state },
              { id: "count", label: "Sessions", numeric: true, cell: (c) => count(c.count) },
              { id: "share", label: "Share", numeric: true, cell: (c) => <ShareBar of={c.count / connections} /> },
            ]}
            empty={<Empty title="No connection" />}
          />
        </Section>
      </div>
    </div>
  );
}
