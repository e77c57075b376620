import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { isBeforeEffect } from "~/access/capabilities.ts";
import { read } from "~/api/read.ts";
import type { Change } from "~/api/types.ts";
import { links } from "~/links.ts";
import { Loaded } from "~/ui/Loaded.tsx";
import { Page, Section } from "~/ui/Page.tsx";
import { changeWord, CHANGE_KIND } from "~/ui/states.ts";
import { StateWord } from "~/ui/StateWord.tsx";
import { Ago, At } from "~/ui/Time.tsx";
import { BeforeAfter } from "./BeforeAfter.tsx";
import { ChangeSqlView } from "./ChangeSqlView.tsx";
import { ChangeStatements } from "./ChangeStatements.tsx";
import { MeasuredEffect } from "./MeasuredEffect.tsx";
import { SignButton, Signatures } from "./Signatures.tsx";
import { Switchback } from "./Switchback.tsx";
import { Timeline } from "./Timeline.tsx";
import { TrialButtons } from "./TrialButtons.tsx";
import { TrialTime } from "./TrialTime.tsx";
import { UndoButton } from "./UndoButton.tsx";
import { WithdrawButton } from "./WithdrawButton.tsx";

const CRUMBS = [{ label: "Changes", to: links.changes() }];

export function Component() {
  const { changeId = "" } = useParams();
  const change = useQuery(read.change(changeId));
  if (!change.data) {
    return (
      <Page title="Change" crumbs={CRUMBS}>
        <Loaded query={change} lines={14}>
          {() => null}
        </Loaded>
      </Page>
    );
  }
  return <Loaded query={change}>{(data) => <ChangeView change={data} />}</Loaded>;
}

function ChangeView({ change }: { change: Change }) {
  return (
    <Page
      title={change.title}
      crumbs={CRUMBS}
      state={<StateWord of={changeWord(change)} />}
      subtitle={
        <>
          <span>{CHANGE_KIND[change.kind]}</span>
          <span>
            on <Link to={links.instance(change.instance_id)}>{change.instance_name}</Link>
          </span>
          {change.object_name && <code>{change.object_name}</code>}
          <span>
            in this state since <Ago at={change.state_since} />
          </span>
          {change.verified_at && (
            <span>
              read back from the database <At at={change.verified_at} />
            </span>
          )}
          <Link to={links.proposal(change.proposal_id)}>The proposal</Link>
        </>
      }
      actions={
        <>
          {change.missing_signatures && <SignButton change={change} />}
          {isBeforeEffect(change.state) && <WithdrawButton change={change} />}
          {change.state === "trial" && <TrialButtons change={change} />}
          <UndoButton change={change} />
        </>
      }
    >
      <Signatures change={change} />
      {change.state === "trial" && <TrialTime change={change} />}
      {change.switchback && <Switchback change={change} trial={change.switchback} />}
      <MeasuredEffect change={change} />
      {/* Tried in turns, it has no before and after. */}
      {!change.switchback && <BeforeAfter change={change} />}
      <ChangeStatements change={change} />
      <Section title="What happened" hint="a state is shown only after it was read back from the database">
        <Timeline events={change.events} />
      </Section>
      <Section title="What ran">
        <ChangeSqlView sql={change.sql} />
      </Section>
    </Page>
  );
}
