import { Button, Group, Modal, PasswordInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { User } from "~/api/types.ts";
import { write } from "~/api/write.ts";
import { Trouble } from "~/ui/Trouble.tsx";

export function NewPassword({ user }: { user: User }) {
  const [opened, open] = useDisclosure(false);
  return (
    <>
      <Button size="compact-xs" variant="default" onClick={open.open} aria-label={`Set a new password for ${user.name}`}>
        New password
      </Button>
      <Modal opened={opened} onClose={open.close} title={<strong>New password for {user.name}</strong>}>
        <Form user={user} onClose={open.close} />
      </Modal>
    </>
  );
}

function Form({ user, onClose }: { user: User; onClose: () => void }) {
  const [password, setPassword] = useState("");
  const change = useMutation({ mutationFn: () => write.changeUser(user.id, { password }), onSuccess: onClose });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <form onSubmit={submit} style={{ display: "grid", gap: 12 }}>
      <PasswordInput label="Password" description="At least 12 characters. Every session of this person ends." required withAsterisk={false} autoComplete="new-password" data-autofocus value={password} onChange={(e) => setPassword(e.currentTarget.value)} />
      {change.isError && <Trouble error={change.error} />}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={change.isPending}>
          Set it
        </Button>
      </Group>
    </form>
  );
}
