import { Anchor, Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { read } from "~/api/read.ts";
import type { Proposal } from "~/api/types.ts";
import { links } from "~/links.ts";
import { EffectBar } from "~/ui/Effect.tsx";
import { EvidenceList } from "~/ui/EvidenceList.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Note } from "~/ui/Note.tsx";
import { Page, Section } from "~/ui/Page.tsx";
import { CHANGE_KIND, PROPOSAL_STATE } from "~/ui/states.ts";
import { StateWord } from "~/ui/StateWord.tsx";
import { Ago } from "~/ui/Time.tsx";
import { ChangeSqlView } from "../change/ChangeSqlView.tsx";
import { Decision } from "./Decision.tsx";
import { ProposalCost } from "./ProposalCost.tsx";
import { ProposalStatements } from "./ProposalStatements.tsx";

/** Why a proposal has no predicted effect. */
const NOT_PREDICTED: Record<Proposal["kind"], string> = {
  create_index: "None of the statements that were seen would use it, so no gain is predicted. It is measured like any other.",
  analyze: "What better statistics bring can't be asked before they are there, so nothing is predicted. It is measured like any other.",
  drop_index: "Another index does the same work, so no statement should notice. It is measured like any other.",
  create_statistics: "What better statistics bring can't be asked before they are there, so nothing is predicted. It is measured like any other.",
  set_statistics_target: "What better statistics bring can't be asked before they are there, so nothing is predicted. It is measured like any other.",
  set_parameter: "What a parameter does can't be told before it is tried, so nothing is predicted.",
};

const PREDICTED_BY = {
  simulated: "simulated with the planner, corrected by what was learned",
  estimated: "estimated from statistics: not simulated, so the interval is wide",
};

const CRUMBS = [{ label: "Proposals", to: links.proposals() }];

export function Component() {
  const { proposalId = "" } = useParams();
  const proposal = useQuery(read.proposal(proposalId));
  if (!proposal.data) {
    return (
      <Page title="Proposal" crumbs={CRUMBS}>
        <Loaded query={proposal} lines={14}>
          {() => null}
        </Loaded>
      </Page>
    );
  }
  return <Loaded query={proposal}>{(data) => <ProposalView proposal={data} />}</Loaded>;
}

/** Reads from top to bottom like a pull request; the decision is at the end, after everything it rests on. */
function ProposalView({ proposal }: { proposal: Proposal }) {
  return (
    <Page
      title={proposal.title}
      crumbs={CRUMBS}
      state={<StateWord of={PROPOSAL_STATE[proposal.state]} />}
      subtitle={
        <>
          <span>{CHANGE_KIND[proposal.kind]}</span>
          <span>
            on <Link to={links.instance(proposal.instance_id)}>{proposal.instance_name}</Link>
          </span>
          <span>
            made <Ago at={proposal.created_at} /> by model version {proposal.model_version}
          </span>
          {proposal.state === "waiting" && (
            <span>
              expires <Ago at={proposal.expires_at} />
            </span>
          )}
        </>
      }
      actions={
        <>
          <Button component="a" variant="default" href={links.proposalExport(proposal.id, "sql")} download>
            Export SQL
          </Button>
          <Button component="a" variant="default" href={links.proposalExport(proposal.id, "markdown")} download>
            Export Markdown
          </Button>
          {proposal.state === "waiting" && (
            <Button component="a" href="#decision">
              Go to the decision
            </Button>
          )}
        </>
      }
    >
      {proposal.change_id && (
        <Note tone="good">
          This became a change. <Link to={links.change(proposal.change_id)}>Follow the change</Link>
        </Note>
      )}
      <Section title="Why">
        <p style={{ margin: 0, maxWidth: "85ch", fontSize: 14 }}>{proposal.reason}</p>
        {proposal.finding_ids.map((id, index) => (
          <p key={id} style={{ margin: "8px 0 0" }}>
            <Anchor component={Link} to={links.finding(id)} size="sm">
              {proposal.finding_ids.length === 1 ? "The finding behind it" : `Finding ${index + 1} behind it`}
            </Anchor>
          </p>
        ))}
      </Section>
      <Section title="Evidence" hint="what this was computed from">
        <EvidenceList of={proposal.evidence} />
      </Section>
      <Section title="What will run" hint={`exactly this text, digest ${proposal.digest.slice(0, 12)}…`}>
        <ChangeSqlView sql={proposal.sql} />
      </Section>
      <Section title="Predicted effect" hint={proposal.predicted ? PREDICTED_BY[proposal.simulated ? "simulated" : "estimated"] : undefined}>
        {proposal.predicted ? (
          <EffectBar rows={[{ label: "statement time", of: proposal.predicted, kind: "predicted" }]} />
        ) : (
          <span>{NOT_PREDICTED[proposal.kind]}</span>
        )}
      </Section>
      <ProposalStatements proposal={proposal} />
      <ProposalCost proposal={proposal} />
      <Decision proposal={proposal} />
    </Page>
  );
}
