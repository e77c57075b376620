import { useDisclosure } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { IconSignature } from "@tabler/icons-react";
import { roleCan } from "~/access/capabilities.ts";
import { useSession } from "~/access/session.tsx";
import { refresh } from "~/api/live.ts";
import { read } from "~/api/read.ts";
import type { Change } from "~/api/types.ts";
import { write } from "~/api/write.ts";
import { useSigner } from "~/signing/signer.ts";
import { ToSign } from "~/signing/ToSign.tsx";
import { ActionButton } from "~/ui/ActionButton.tsx";
import { Note } from "~/ui/Note.tsx";
import { Section } from "~/ui/Page.tsx";
import { ReasonDialog } from "~/ui/ReasonDialog.tsx";
import { At } from "~/ui/Time.tsx";

/** Who signed, and what the host still asks for. Nothing where it asks for none. */
export function Signatures({ change }: { change: Change }) {
  if (change.signatures.length === 0 && !change.missing_signatures) return null;
  return (
    <Section title="Signatures" hint={change.missing_signatures ? `${change.missing_signatures.needed} are needed` : "the agent verifies them itself before it begins"}>
      {change.missing_signatures && <Note tone="warn">It waits: {change.missing_signatures.reason}.</Note>}
      <ul style={{ margin: change.missing_signatures ? "10px 0 0" : 0, paddingLeft: 18 }}>
        {change.signatures.map((given) => (
          <li key={given.key}>
            <strong>{given.approver ?? "a key that the host doesn't know"}</strong>, through the account {given.account}, <At at={given.at} /> <code>{given.key.slice(0, 20)}…</code>
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** Adds the signature of the person at this browser. */
export function SignButton({ change }: { change: Change }) {
  const { user } = useSession();
  const cache = useQueryClient();
  const signer = useSigner(change.signing);
  const [opened, open] = useDisclosure(false);
  if (!change.signing) return null;
  return (
    <>
      <ActionButton permission={roleCan("approver", user.role)} leftSection={<IconSignature size={15} aria-hidden />} onClick={open.open}>
        Sign…
      </ActionButton>
      <ReasonDialog
        title={`Sign for ${change.instance_name}`}
        opened={opened}
        onClose={open.close}
        action="Sign"
        reason="none"
        blocked={!signer.owner}
        run={async () => {
          const signature = await signer.sign();
          if (!signature) throw new Error("This host asks for no signature.");
          return write.sign(change.id, signature);
        }}
        onDone={(next) => {
          cache.setQueryData(read.change(change.id).queryKey, next);
          refresh(cache, "changes");
        }}
      >
        <ToSign signing={change.signing} signer={signer} />
      </ReasonDialog>
    </>
  );
}
