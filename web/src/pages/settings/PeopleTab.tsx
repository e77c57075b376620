import { Group, NativeSelect } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconPlus } from "@tabler/icons-react";
import { roleCan, type Permission } from "~/access/capabilities.ts";
import { useSession } from "~/access/session.tsx";
import { read } from "~/api/read.ts";
import type { User } from "~/api/types.ts";
import { write } from "~/api/write.ts";
import { ActionButton } from "~/ui/ActionButton.tsx";
import { DataTable, type Column } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Section } from "~/ui/Page.tsx";
import { StateWord } from "~/ui/StateWord.tsx";
import { Ago } from "~/ui/Time.tsx";
import { Trouble } from "~/ui/Trouble.tsx";
import { oneOf } from "~/url-state.ts";
import { NewPassword } from "./NewPassword.tsx";
import { NewUserDialog } from "./NewUserDialog.tsx";
import { ROLES } from "./roles.ts";

export function PeopleTab() {
  const { user } = useSession();
  const permission = roleCan("admin", user.role);
  const [opened, open] = useDisclosure(false);
  return (
    <Section
      title="People"
      hint="viewers read, approvers decide, admins also manage people, agents and jobs"
      flush
      actions={
        <ActionButton permission={permission} leftSection={<IconPlus size={14} aria-hidden />} onClick={open.open}>
          Add a person
        </ActionButton>
      }
    >
      {permission.allowed ? <People /> : <Empty title="Not for this role">{permission.why}</Empty>}
      <NewUserDialog opened={opened} onClose={open.close} />
    </Section>
  );
}

function People() {
  const cache = useQueryClient();
  const users = useQuery(read.users());
  const change = useMutation({
    mutationFn: ({ id, ...patch }: { id: string; role?: User["role"]; disabled?: boolean }) => write.changeUser(id, patch),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["users"] }),
  });
  const columns: readonly Column<User>[] = [
    { id: "name", label: "Name", primary: true, cell: (u) => <strong>{u.name}</strong> },
    { id: "role", label: "Role", cell: (u) => <RoleSelect user={u} onChange={(role) => change.mutate({ id: u.id, role })} /> },
    { id: "state", label: "State", wide: true, cell: (u) => <StateWord plain of={u.disabled ? { word: "disabled", tone: "idle", sign: "cross" } : { word: "may sign in", tone: "good", sign: "check" }} /> },
    { id: "seen", label: "Last signed in", numeric: true, cell: (u) => <Ago at={u.last_sign_in_at} /> },
    { id: "created", label: "Added", numeric: true, cell: (u) => <Ago at={u.created_at} /> },
    {
      id: "actions",
      label: "",
      cell: (u) => (
        <Group gap={6} wrap="nowrap" justify="flex-end">
          <NewPassword user={u} />
          <DisableButton user={u} onClick={() => change.mutate({ id: u.id, disabled: !u.disabled })} />
        </Group>
      ),
    },
  ];
  return (
    <>
      {change.isError && <Trouble error={change.error} />}
      <Loaded query={users} lines={5}>
        {(list) => <DataTable label="People" columns={columns} rows={list.items} rowKey={(u) => u.id} />}
      </Loaded>
    </>
  );
}

function RoleSelect({ user, onChange }: { user: User; onChange: (role: User["role"]) => void }) {
  const me = useSession().user.id === user.id;
  return (
    <NativeSelect
      w={118}
      aria-label={`Role of ${user.name}`}
      title={me ? "You cannot change your own role." : undefined}
      disabled={me}
      data={[...ROLES]}
      value={user.role}
      onChange={(event) => {
        const role = oneOf(event.currentTarget.value, ROLES);
        if (role) onChange(role);
      }}
    />
  );
}

function DisableButton({ user, onClick }: { user: User; onClick: () => void }) {
  const me = useSession().user.id === user.id;
  const permission: Permission = me ? { allowed: false, why: "You cannot disable yourself." } : { allowed: true };
  return (
    <ActionButton size="compact-xs" variant="default" permission={permission} onClick={onClick}>
      {user.disabled ? "Enable" : "Disable"}
    </ActionButton>
  );
}
