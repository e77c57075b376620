import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { read } from "~/api/read.ts";
import type { FleetSummary } from "~/api/types.ts";
import { count, plural, timePerHour, MISSING } from "~/format.ts";
import { links } from "~/links.ts";
import { Facts } from "~/ui/Facts.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Note } from "~/ui/Note.tsx";
import { Page, Section } from "~/ui/Page.tsx";
import { ActiveChanges, FinishedChanges } from "./OverviewChanges.tsx";
import { FirstSteps } from "./FirstSteps.tsx";
import { TopFindings } from "./TopFindings.tsx";
import { TroubledInstances } from "./TroubledInstances.tsx";
import { WaitingProposals } from "./WaitingProposals.tsx";

/** Is anything wrong, what needs a person, what is being done, what did it bring. */
export function Component() {
  const summary = useQuery(read.summary());
  return (
    <Page title="Overview" subtitle="What needs you, what is being done, what it brought.">
      <Loaded query={summary} lines={3}>
        {(data) => (data.instances === 0 ? <FirstSteps /> : <Summary of={data} />)}
      </Loaded>
      {summary.data && summary.data.instances > 0 && (
        <>
          <TroubledInstances />
          <WaitingProposals />
          <TopFindings />
          <ActiveChanges />
          <FinishedChanges />
        </>
      )}
    </Page>
  );
}

function Summary({ of }: { of: FleetSummary }) {
  const away = of.agents_total - of.agents_connected;
  return (
    <>
      {!of.jobs_ok && (
        <Note tone="warn">
          A background job of the controller failed. <Link to={links.settings("jobs")}>See which, and why</Link>
        </Note>
      )}
      <Section title="At a glance">
        <Facts
          large
          of={[
            { label: "To be decided", value: <Link to={links.proposals({ state: "waiting" })}>{count(of.proposals_waiting)}</Link>, note: "proposals that wait" },
            { label: "Open findings", value: <Link to={links.findings()}>{count(of.open_findings)}</Link>, note: `on ${plural(of.instances, "instance")}` },
            { label: "Changes under way", value: <Link to={links.changes()}>{count(of.changes_active)}</Link>, note: "applied or on trial" },
            { label: "Helped", value: count(of.changes_helped), note: "changes kept" },
            { label: "Reverted", value: count(of.changes_reverted), note: "harmed, or no effect" },
            { label: "Time saved", value: of.db_time_saved_ms_per_hour == null ? MISSING : timePerHour(of.db_time_saved_ms_per_hour), note: of.db_time_saved_ms_per_hour == null ? "no verdict yet" : "by changes that were kept" },
            { label: "Agents connected", value: <Link to={links.fleet()}>{`${count(of.agents_connected)} of ${count(of.agents_total)}`}</Link>, note: away > 0 ? `${count(away)} not connected` : "all of them" },
          ]}
        />
      </Section>
    </>
  );
}
