import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IconPlus } from "@tabler/icons-react";
import { roleCan } from "~/access/capabilities.ts";
import { useSession } from "~/access/session.tsx";
import { read } from "~/api/read.ts";
import type { Token } from "~/api/types.ts";
import { write } from "~/api/write.ts";
import { ActionButton } from "~/ui/ActionButton.tsx";
import { DataTable, type Column } from "~/ui/DataTable.tsx";
import { Empty } from "~/ui/Empty.tsx";
import { Loaded } from "~/ui/Loaded.tsx";
import { Section } from "~/ui/Page.tsx";
import { Ago } from "~/ui/Time.tsx";
import { Trouble } from "~/ui/Trouble.tsx";
import { NewTokenDialog } from "./NewTokenDialog.tsx";

export function TokensTab() {
  const permission = roleCan("admin", useSession().user.role);
  const [opened, open] = useDisclosure(false);
  return (
    <Section
      title="API tokens"
      hint="for scripts and dashboards; sent as a bearer token"
      flush
      actions={
        <ActionButton permission={permission} leftSection={<IconPlus size={14} aria-hidden />} onClick={open.open}>
          Make a token
        </ActionButton>
      }
    >
      {permission.allowed ? <Tokens /> : <Empty title="Not for this role">{permission.why}</Empty>}
      <NewTokenDialog opened={opened} onClose={open.close} />
    </Section>
  );
}

function Tokens() {
  const cache = useQueryClient();
  const tokens = useQuery(read.tokens());
  const remove = useMutation({ mutationFn: write.deleteToken, onSuccess: () => cache.invalidateQueries({ queryKey: ["tokens"] }) });
  const columns: readonly Column<Token>[] = [
    { id: "name", label: "Name", primary: true, wide: true, cell: (t) => <strong>{t.name}</strong> },
    { id: "role", label: "Role", cell: (t) => t.role },
    { id: "created", label: "Made", numeric: true, cell: (t) => <Ago at={t.created_at} /> },
    { id: "used", label: "Last used", numeric: true, cell: (t) => (t.last_used_at ? <Ago at={t.last_used_at} /> : "never") },
    { id: "expires", label: "Expires", numeric: true, cell: (t) => (t.expires_at ? <Ago at={t.expires_at} /> : "never") },
    {
      id: "delete",
      label: "",
      cell: (t) => (
        <Button size="compact-xs" variant="default" onClick={() => remove.mutate(t.id)} aria-label={`Revoke the token ${t.name}`}>
          Revoke
        </Button>
      ),
    },
  ];
  return (
    <>
      {remove.isError && <Trouble error={remove.error} />}
      <Loaded query={tokens} lines={4}>
        {(list) => <DataTable label="API tokens" columns={columns} rows={list.items} rowKey={(t) => t.id} empty={<Empty title="No token">Make one to read the API from a script.</Empty>} />}
      </Loaded>
    </>
  );
}
