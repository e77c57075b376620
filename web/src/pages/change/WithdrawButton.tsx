import { useDisclosure } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { IconX } from "@tabler/icons-react";
import { changeCan } from "~/access/capabilities.ts";
import { useSession } from "~/access/session.tsx";
import { refresh } from "~/api/live.ts";
import { read } from "~/api/read.ts";
import type { Change } from "~/api/types.ts";
import { write } from "~/api/write.ts";
import { ActionButton } from "~/ui/ActionButton.tsx";
import { ReasonDialog } from "~/ui/ReasonDialog.tsx";

/** Shown as long as a change has not taken effect. */
export function WithdrawButton({ change }: { change: Change }) {
  const { user } = useSession();
  const cache = useQueryClient();
  const [opened, open] = useDisclosure(false);
  return (
    <>
      <ActionButton variant="default" permission={changeCan("withdraw", change, user.role)} leftSection={<IconX size={15} aria-hidden />} onClick={open.open}>
        Withdraw…
      </ActionButton>
      <ReasonDialog
        title={`Withdraw on ${change.instance_name}`}
        opened={opened}
        onClose={open.close}
        action="Withdraw it now"
        danger
        reason="required"
        run={(reason) => write.withdraw(change.id, reason)}
        onDone={(next) => {
          cache.setQueryData(read.change(change.id).queryKey, next);
          refresh(cache, "changes");
        }}
      >
        <p style={{ margin: 0 }}>
          If the agent on {change.instance_name} has not begun, it will not. If the statement is running, the agent cancels it and removes what it left.
        </p>
      </ReasonDialog>
    </>
  );
}
