import { Button, Group } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconKey } from "@tabler/icons-react";
import { roleCan } from "~/access/capabilities.ts";
import { useSession } from "~/access/session.tsx";
import { makeKey, obstacle, removeKey, type SigningKey } from "~/signing/key.ts";
import { keyQuery } from "~/signing/signer.ts";
import { ActionButton } from "~/ui/ActionButton.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Note } from "~/ui/Note.tsx";
import { Section } from "~/ui/Page.tsx";
import { ReasonDialog } from "~/ui/ReasonDialog.tsx";
import { SqlBlock } from "~/ui/SqlText.tsx";
import { At } from "~/ui/Time.tsx";
import { Trouble } from "~/ui/Trouble.tsx";

/** The key with which an approver signs for hosts that take nobody's word. */
export function KeyTab() {
  const { user } = useSession();
  const stored = useQuery(keyQuery(user.name));
  return (
    <Section title="Your signing key" hint="for database hosts that take signed approvals only">
      <p style={{ margin: "0 0 12px", maxWidth: "85ch" }}>
        A host whose allow-list names approvers carries out only what they signed: a controller in the wrong hands can change nothing there. Your key is made in this browser and
        can't be read, copied or sent anywhere; each browser you approve from has its own.
      </p>
      <Loaded query={stored} lines={2}>
        {(key) => (key ? <Made signingKey={key} account={user.name} /> : <None account={user.name} />)}
      </Loaded>
    </Section>
  );
}

function None({ account }: { account: string }) {
  const { user } = useSession();
  const cache = useQueryClient();
  const make = useMutation({ mutationFn: () => makeKey(account, new Date()), onSuccess: (key) => cache.setQueryData(keyQuery(account).queryKey, key) });
  const why = obstacle();
  return (
    <>
      {why ? (
        <Note tone="warn">{why}</Note>
      ) : (
        <ActionButton size="sm" permission={roleCan("approver", user.role)} loading={make.isPending} leftSection={<IconKey size={16} aria-hidden />} onClick={() => make.mutate()}>
          Make a key
        </ActionButton>
      )}
      {make.isError && <Trouble error={make.error} />}
    </>
  );
}

function Made({ signingKey, account }: { signingKey: SigningKey; account: string }) {
  const cache = useQueryClient();
  const [removing, remove] = useDisclosure(false);
  const lines = `[[approver]]\nname = ${JSON.stringify(account)}\nkeys = ["${signingKey.name}"]`;
  return (
    <>
      <p style={{ margin: "0 0 8px" }}>
        Made <At at={signingKey.madeAt} />. Have root add this to <code>/etc/querysmith/allow.toml</code> on each host you approve for, in place of <code>approvals = "unsigned"</code>:
      </p>
      <SqlBlock sql={lines} label="Lines for the host's allow-list" />
      <Group mt={10}>
        <Button variant="default" onClick={remove.open}>
          Remove the key…
        </Button>
      </Group>
      <ReasonDialog
        title="Remove the key of this browser"
        opened={removing}
        onClose={remove.close}
        action="Remove it for good"
        danger
        reason="none"
        run={() => removeKey(account)}
        onDone={() => cache.setQueryData(keyQuery(account).queryKey, null)}
      >
        It can't be brought back. Also take its line out of the hosts' allow-lists: as long as it stands there, what was signed with it counts.
      </ReasonDialog>
    </>
  );
}
