import { useDisclosure } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { IconCheck, IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { changeCan } from "~/access/capabilities.ts";
import { useSession } from "~/access/session.tsx";
import { refresh } from "~/api/live.ts";
import { read } from "~/api/read.ts";
import type { Change } from "~/api/types.ts";
import { write } from "~/api/write.ts";
import { ActionButton } from "~/ui/ActionButton.tsx";
import { ReasonDialog } from "~/ui/ReasonDialog.tsx";

/** What a person may do to a trial beside undoing it. */
export function TrialButtons({ change }: { change: Change }) {
  return (
    <>
      {change.held ? (
        <Hand hand="release" change={change} icon={<IconPlayerPlay size={15} aria-hidden />} label="Release…" action="Release it now">
          The verdict ends the trial again: what helped is kept, anything else is taken back.
        </Hand>
      ) : (
        <Hand hand="hold" change={change} icon={<IconPlayerPause size={15} aria-hidden />} label="Hold…" action="Hold the verdict">
          Whatever is measured, harm included, nothing is kept or taken back until somebody releases, keeps or undoes it. When its longest trial is over the agent takes it back all the same.
        </Hand>
      )}
      <Hand hand="keep" change={change} icon={<IconCheck size={15} aria-hidden />} label="Keep…" action="Keep it now">
        The trial ends here and the change stays, whatever was measured. It can still be undone.
      </Hand>
    </>
  );
}

interface HandProps {
  hand: "hold" | "release" | "keep";
  change: Change;
  icon: ReactNode;
  label: string;
  action: string;
  children: ReactNode;
}

function Hand({ hand, change, icon, label, action, children }: HandProps) {
  const { user } = useSession();
  const cache = useQueryClient();
  const [opened, open] = useDisclosure(false);
  return (
    <>
      <ActionButton variant="default" permission={changeCan(hand, change, user.role)} leftSection={icon} onClick={open.open}>
        {label}
      </ActionButton>
      <ReasonDialog
        title={`${label.replace("…", "")} on ${change.instance_name}`}
        opened={opened}
        onClose={open.close}
        action={action}
        reason="required"
        run={(reason) => write[hand](change.id, reason)}
        onDone={(next) => {
          cache.setQueryData(read.change(change.id).queryKey, next);
          refresh(cache, "changes");
        }}
      >
        <p style={{ margin: 0 }}>{children}</p>
      </ReasonDialog>
    </>
  );
}
