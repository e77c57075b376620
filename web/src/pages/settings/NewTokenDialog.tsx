import { Button, Group, Modal, NativeSelect, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { Role } from "~/api/types.ts";
import { write } from "~/api/write.ts";
import { Note } from "~/ui/Note.tsx";
import { SqlBlock } from "~/ui/SqlText.tsx";
import { Trouble } from "~/ui/Trouble.tsx";
import { oneOf } from "~/url-state.ts";
import { ROLES } from "./roles.ts";

const LIFETIMES = [
  { value: "2592000", label: "30 days" },
  { value: "7776000", label: "90 days" },
  { value: "31536000", label: "1 year" },
];

export function NewTokenDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={<strong>Make an API token</strong>}>
      <NewTokenForm onClose={onClose} />
    </Modal>
  );
}

function NewTokenForm({ onClose }: { onClose: () => void }) {
  const cache = useQueryClient();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [lifetime, setLifetime] = useState("7776000");
  const create = useMutation({
    mutationFn: () => write.createToken({ name: name.trim(), role, expires_in_s: Number(lifetime) }),
    onSuccess: () => cache.invalidateQueries({ queryKey: ["tokens"] }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  if (create.data) {
    return (
      <div style={{ display: "grid", gap: 12 }}>
        <SqlBlock sql={create.data.token} label="Token" />
        <Note tone="warn">It is shown only now. The controller keeps a hash of it.</Note>
        <Group justify="flex-end">
          <Button onClick={onClose}>Done</Button>
        </Group>
      </div>
    );
  }
  return (
    <form onSubmit={submit} style={{ display: "grid", gap: 12 }}>
      <TextInput label="Name" description="What uses it." required withAsterisk={false} data-autofocus value={name} onChange={(e) => setName(e.currentTarget.value)} />
      <NativeSelect label="Role" data={[...ROLES]} value={role} onChange={(e) => setRole(oneOf(e.currentTarget.value, ROLES) ?? "viewer")} />
      <NativeSelect label="Valid for" data={LIFETIMES} value={lifetime} onChange={(e) => setLifetime(e.currentTarget.value)} />
      {create.isError && <Trouble error={create.error} />}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={create.isPending}>
          Make
        </Button>
      </Group>
    </form>
  );
}
