import { Button, Group, Modal, NativeSelect, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { toProblem } from "~/api/problem.ts";
import type { Role } from "~/api/types.ts";
import { write } from "~/api/write.ts";
import { Trouble } from "~/ui/Trouble.tsx";
import { oneOf } from "~/url-state.ts";
import { ROLES } from "./roles.ts";

export function NewUserDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={<strong>Add a person</strong>}>
      <NewUserForm onClose={onClose} />
    </Modal>
  );
}

function NewUserForm({ onClose }: { onClose: () => void }) {
  const cache = useQueryClient();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const create = useMutation({
    mutationFn: () => write.createUser({ name: name.trim(), password, role }),
    onSuccess: async () => {
      await cache.invalidateQueries({ queryKey: ["users"] });
      onClose();
    },
  });
  const problem = create.isError ? toProblem(create.error) : null;
  const fieldError = (field: string) => (problem?.field === field ? problem.message : undefined);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  return (
    <form onSubmit={submit} style={{ display: "grid", gap: 12 }}>
      <TextInput label="Name" required withAsterisk={false} autoComplete="off" data-autofocus error={fieldError("name")} value={name} onChange={(e) => setName(e.currentTarget.value)} />
      <PasswordInput label="First password" description="At least 12 characters. The person can be given another one later." required withAsterisk={false} autoComplete="new-password" error={fieldError("password")} value={password} onChange={(e) => setPassword(e.currentTarget.value)} />
      <NativeSelect label="Role" data={[...ROLES]} value={role} onChange={(e) => setRole(oneOf(e.currentTarget.value, ROLES) ?? "viewer")} />
      {problem && !problem.field && <Trouble error={problem} />}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={create.isPending}>
          Add
        </Button>
      </Group>
    </form>
  );
}
