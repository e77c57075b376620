import { useDisclosure } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { roleCan, type Permission } from "~/access/capabilities.ts";
import { useSession } from "~/access/session.tsx";
import type { Agent } from "~/api/types.ts";
import { write } from "~/api/write.ts";
import { ActionButton } from "~/ui/ActionButton.tsx";
import { ReasonDialog } from "~/ui/ReasonDialog.tsx";

/** Cannot be taken back, so the name of the host has to be typed. */
export function RevokeAgent({ agent }: { agent: Agent }) {
  const { user } = useSession();
  const cache = useQueryClient();
  const [opened, open] = useDisclosure(false);
  const permission: Permission = agent.revoked_at ? { allowed: false, why: "Already revoked." } : roleCan("admin", user.role);
  return (
    <>
      <ActionButton size="compact-xs" variant="default" permission={permission} onClick={open.open}>
        Revoke
      </ActionButton>
      <ReasonDialog
        title={`Revoke the agent on ${agent.host_name}`}
        opened={opened}
        onClose={open.close}
        action="Revoke"
        danger
        reason="required"
        typeName={agent.host_name}
        run={(reason) => write.revokeAgent(agent.id, reason)}
        onDone={() => void cache.invalidateQueries({ queryKey: ["agents"] })}
      >
        Its certificate is refused from now on. {agent.instances.length > 0 && <>{agent.instances.map((i) => i.name).join(", ")} will no longer be watched, and running trials there end by the agent's own rules. </>}
        To come back, the host has to be enrolled again.
      </ReasonDialog>
    </>
  );
}
