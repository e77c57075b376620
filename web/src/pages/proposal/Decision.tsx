import { useDisclosure } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { IconCheck, IconX } from "@tabler/icons-react";
import { Link, useNavigate } from "react-router";
import { proposalCan } from "~/access/capabilities.ts";
import { useSession } from "~/access/session.tsx";
import { refresh } from "~/api/live.ts";
import { read } from "~/api/read.ts";
import type { Proposal } from "~/api/types.ts";
import { write } from "~/api/write.ts";
import { changeWithInterval } from "~/format.ts";
import { links } from "~/links.ts";
import { useNow } from "~/now.ts";
import { useSigner } from "~/signing/signer.ts";
import { ToSign } from "~/signing/ToSign.tsx";
import { ActionButton } from "~/ui/ActionButton.tsx";
import { Section } from "~/ui/Page.tsx";
import { ReasonDialog } from "~/ui/ReasonDialog.tsx";
import { script } from "~/ui/sql-tokens.ts";
import { SqlBlock } from "~/ui/SqlText.tsx";
import { At } from "~/ui/Time.tsx";
import classes from "./Decision.module.css";

/** What becomes of it if nobody looks again. */
const WAY_BACK: Record<Proposal["kind"], string> = {
  create_index: "It is undone by itself if it harms or does not help.",
  drop_index: "It is undone by itself if it harms.",
  analyze: "There is nothing to undo: new statistics replace old ones.",
  create_statistics: "It is undone by itself if it harms or does not help.",
  set_statistics_target: "It is undone by itself if it harms or does not help.",
  set_parameter: "It is undone by itself if it harms, and at the end of its trial unless somebody keeps it.",
};
const SWITCHED = "It is put in place and taken back in turns, and stays only if that shows that it helps.";

function wayBack({ kind, tried }: Proposal): string {
  return tried === "before_after" ? WAY_BACK[kind] : SWITCHED;
}

export function Decision({ proposal }: { proposal: Proposal }) {
  return (
    <div id="decision" className={classes.anchor}>
      <Section title="Decision">{proposal.verdict ? <Made proposal={proposal} verdict={proposal.verdict} /> : <Open proposal={proposal} />}</Section>
    </div>
  );
}

function Made({ proposal, verdict }: { proposal: Proposal; verdict: NonNullable<Proposal["verdict"]> }) {
  return (
    <p style={{ margin: 0 }}>
      <strong>{verdict.by}</strong> {verdict.decision} it on <At at={verdict.at} />
      {verdict.reason ? <>: “{verdict.reason}”</> : "."} {proposal.change_id && <Link to={links.change(proposal.change_id)}>Follow the change</Link>}
    </p>
  );
}

function Open({ proposal }: { proposal: Proposal }) {
  const { user } = useSession();
  const now = useNow();
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [approving, approve] = useDisclosure(false);
  const [rejecting, reject] = useDisclosure(false);
  const mayApprove = proposalCan("approve", proposal, user.role, now);
  const signer = useSigner(proposal.signing);
  const mayReject = proposalCan("reject", proposal, user.role, now);
  const decided = (next: Proposal) => {
    cache.setQueryData(read.proposal(proposal.id).queryKey, next);
    refresh(cache, "proposals");
    refresh(cache, "changes");
    if (next.change_id) void navigate(links.change(next.change_id));
  };
  return (
    <>
      <div className={classes.row}>
        <ActionButton size="sm" permission={mayApprove} leftSection={<IconCheck size={16} aria-hidden />} onClick={approve.open}>
          Approve…
        </ActionButton>
        <ActionButton size="sm" variant="default" permission={mayReject} leftSection={<IconX size={16} aria-hidden />} onClick={reject.open}>
          Reject…
        </ActionButton>
        <span className={classes.why}>{mayApprove.allowed ? "You approve exactly the text above. The agent renders it again itself and refuses if it differs." : mayApprove.why}
          {proposal.end_reason && ` Reason: ${proposal.end_reason}.`}
        </span>
      </div>
      <ReasonDialog
        title={`Approve for ${proposal.instance_name}`}
        opened={approving}
        onClose={approve.close}
        action={signer.needed ? "Sign and approve" : "Approve and run"}
        reason="optional"
        blocked={signer.why !== undefined}
        run={async (reason) => write.approve(proposal.id, { digest: proposal.digest, reason: reason || undefined, signature: await signer.sign() })}
        onDone={decided}
      >
        {signer.needed && proposal.signing ? <ToSign signing={proposal.signing} signer={signer} /> : <SqlBlock sql={script(proposal.sql.apply)} label="What will run" />}
        <ul className={classes.points}>
          <li>
            It runs on <strong>{proposal.instance_name}</strong> as soon as the agent's own rules allow it.
          </li>
          {proposal.predicted && <li>Predicted statement time: {changeWithInterval(proposal.predicted)}.</li>}
          <li>{wayBack(proposal)}</li>
        </ul>
      </ReasonDialog>
      <ReasonDialog
        title="Reject this proposal"
        opened={rejecting}
        onClose={reject.close}
        action="Reject"
        reason="required"
        run={(reason) => write.reject(proposal.id, reason)}
        onDone={decided}
      >
        Nothing will run. The reason is kept, so that the same proposal does not come back.
      </ReasonDialog>
    </>
  );
}
