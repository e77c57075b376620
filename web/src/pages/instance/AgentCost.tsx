import { useQuery } from "@tanstack/react-query";
import { read } from "~/api/read.ts";
import { amount, bytes, count, plural, share } from "~/format.ts";
import { Empty } from "~/ui/Empty.tsx";
import { Facts } from "~/ui/Facts.tsx";
import { Note } from "~/ui/Note.tsx";
import { Section } from "~/ui/Page.tsx";
import classes from "./Instance.module.css";

/** What watching costs. The agent measures itself and slows down before it is in anybody's way. */
export function AgentCost({ agentId }: { agentId: string }) {
  const { data } = useQuery(read.agents());
  const agent = data?.items.find((candidate) => candidate.id === agentId);
  if (!agent) return null;
  const { cost } = agent;
  return (
    <Section title="Own cost" hint={`agent ${agent.version} on ${agent.host_name}`}>
      {cost ? (
        <div className={classes.stack}>
          {cost.over_budget && <Note tone="warn">The agent is over its budget and collects {amount(cost.backoff_factor)} times less often until it is not.</Note>}
          <Facts
            of={[
              { label: "CPU", value: share(cost.cpu_fraction), note: "of one core" },
              { label: "Memory", value: bytes(cost.rss_bytes), note: `at most ${bytes(cost.rss_peak_bytes)}` },
              { label: "Database time", value: share(cost.database_time_fraction), note: "of one session, its own statements" },
              { label: "Sent", value: `${bytes(cost.bytes_sent_per_s)}/s` },
              { label: "Waiting to be sent", value: plural(agent.spool.reports_waiting, "report"), note: bytes(agent.spool.bytes) },
              { label: "Dropped", value: count(agent.spool.dropped_reports), note: "reports, since it started" },
            ]}
          />
        </div>
      ) : (
        <Empty title="Not known">The agent has not reported its own cost yet.</Empty>
      )}
    </Section>
  );
}
