import { Button } from "@mantine/core";
import { IconArrowRight } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { read } from "~/api/read.ts";
import type { Finding } from "~/api/types.ts";
import { share, timePerHour } from "~/format.ts";
import { links } from "~/links.ts";
import { EvidenceList } from "~/ui/EvidenceList.tsx";
import { Facts } from "~/ui/Facts.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Page, Section } from "~/ui/Page.tsx";
import { FINDING_KIND, findingWord, SEVERITY } from "~/ui/states.ts";
import { StateWord } from "~/ui/StateWord.tsx";
import { Ago, At } from "~/ui/Time.tsx";
import { RelatedProposals } from "./RelatedProposals.tsx";

const CRUMBS = [{ label: "Findings", to: links.findings() }];

export function Component() {
  const { findingId = "" } = useParams();
  const finding = useQuery(read.finding(findingId));
  if (!finding.data) {
    return (
      <Page title="Finding" crumbs={CRUMBS}>
        <Loaded query={finding}>{() => null}</Loaded>
      </Page>
    );
  }
  return <Loaded query={finding}>{(data) => <FindingView finding={data} />}</Loaded>;
}

function FindingView({ finding }: { finding: Finding }) {
  const newest = finding.proposal_ids[0];
  return (
    <Page
      title={finding.title}
      crumbs={CRUMBS}
      state={
        <>
          <StateWord of={SEVERITY[finding.severity]} />
          <StateWord of={findingWord(finding)} />
        </>
      }
      subtitle={
        <>
          <span>{FINDING_KIND[finding.kind]}</span>
          {finding.object && <span>{finding.object}</span>}
          <Link to={links.instance(finding.instance_id)}>{finding.instance_name}</Link>
          {finding.statement_id && <Link to={links.query(finding.instance_id, finding.statement_id)}>The statement</Link>}
        </>
      }
      actions={
        newest && (
          <Button component={Link} to={links.proposal(newest)} rightSection={<IconArrowRight size={14} aria-hidden />}>
            Open the proposal
          </Button>
        )
      }
    >
      <Section title="What is wrong">
        <p style={{ margin: "0 0 14px", maxWidth: "80ch" }}>{finding.summary}</p>
        <Facts
          of={[
            { label: "Share of database time", value: share(finding.time_share) },
            { label: "Costs", value: timePerHour(finding.lost_ms_per_hour), note: "database time that a fix could save" },
            { label: "First seen", value: <Ago at={finding.first_seen_at} />, note: <At at={finding.first_seen_at} /> },
            { label: "Last seen", value: <Ago at={finding.last_seen_at} />, note: finding.reopened > 0 ? `opened again ${finding.reopened} times` : undefined },
            ...(finding.resolved_at ? [{ label: "Resolved", value: <Ago at={finding.resolved_at} /> }] : []),
          ]}
        />
      </Section>
      <Section title="Evidence" hint="what this was computed from">
        <EvidenceList of={finding.evidence} />
      </Section>
      <Section title="What to do">
        <p style={{ margin: 0, maxWidth: "80ch" }}>{finding.advice}</p>
      </Section>
      <RelatedProposals ids={finding.proposal_ids} />
    </Page>
  );
}
