import { useDisclosure } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { IconArrowBackUp } from "@tabler/icons-react";
import { changeCan } from "~/access/capabilities.ts";
import { useSession } from "~/access/session.tsx";
import { refresh } from "~/api/live.ts";
import { read } from "~/api/read.ts";
import type { Change } from "~/api/types.ts";
import { write } from "~/api/write.ts";
import { useSigner } from "~/signing/signer.ts";
import { ToSign } from "~/signing/ToSign.tsx";
import { ActionButton } from "~/ui/ActionButton.tsx";
import { ReasonDialog } from "~/ui/ReasonDialog.tsx";
import { script } from "~/ui/sql-tokens.ts";
import { SqlBlock } from "~/ui/SqlText.tsx";

/** Always shown where a change is shown. */
export function UndoButton({ change }: { change: Change }) {
  const { user } = useSession();
  const cache = useQueryClient();
  const [opened, open] = useDisclosure(false);
  const signing = change.state === "confirmed" ? change.signing : null;
  const signer = useSigner(signing);
  return (
    <>
      <ActionButton variant="default" permission={changeCan("undo", change, user.role)} leftSection={<IconArrowBackUp size={15} aria-hidden />} onClick={open.open}>
        Undo…
      </ActionButton>
      <ReasonDialog
        title={`Undo on ${change.instance_name}`}
        opened={opened}
        onClose={open.close}
        action={signer.needed ? "Sign and undo" : "Undo it now"}
        danger
        reason="required"
        blocked={signer.why !== undefined}
        run={async (reason) => write.undo(change.id, { reason, signature: await signer.sign() })}
        onDone={(next) => {
          cache.setQueryData(read.change(change.id).queryKey, next);
          refresh(cache, "changes");
        }}
      >
        <p style={{ margin: "0 0 8px" }}>The agent runs this on {change.instance_name}, and reads back that it is gone:</p>
        {signer.needed && signing ? <ToSign signing={signing} signer={signer} /> : <SqlBlock sql={script(change.sql.undo)} label="SQL that undoes the change" />}
      </ReasonDialog>
    </>
  );
}
