import { Button, Group, Modal, NativeSelect, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import type { JoinToken } from "~/api/types.ts";
import { write } from "~/api/write.ts";
import { Note } from "~/ui/Note.tsx";
import { SqlBlock } from "~/ui/SqlText.tsx";
import { Ago } from "~/ui/Time.tsx";
import { Trouble } from "~/ui/Trouble.tsx";

const LIFETIMES = [
  { value: "900", label: "15 minutes" },
  { value: "3600", label: "1 hour" },
  { value: "86400", label: "1 day" },
];

export function EnrolDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} title={<strong>Enrol an agent</strong>} size="lg">
      <EnrolForm onClose={onClose} />
    </Modal>
  );
}

function EnrolForm({ onClose }: { onClose: () => void }) {
  const [lifetime, setLifetime] = useState("3600");
  const [note, setNote] = useState("");
  const make = useMutation({ mutationFn: () => write.createJoinToken({ ttl_s: Number(lifetime), note: note.trim() || undefined }) });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate();
  };
  if (make.data) return <Ready token={make.data} onClose={onClose} />;
  return (
    <form onSubmit={submit} style={{ display: "grid", gap: 12 }}>
      <p style={{ margin: 0 }}>A join token lets one agent ask for its certificate. It works once, and only until it expires.</p>
      <NativeSelect label="Valid for" data={LIFETIMES} value={lifetime} onChange={(e) => setLifetime(e.currentTarget.value)} />
      <TextInput label="Note (optional)" description="For the audit log: which host it is for." value={note} onChange={(e) => setNote(e.currentTarget.value)} data-autofocus />
      {make.isError && <Trouble error={make.error} />}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={make.isPending}>
          Make a join token
        </Button>
      </Group>
    </form>
  );
}

function Ready({ token, onClose }: { token: JoinToken; onClose: () => void }) {
  return (
    <div style={{ display: "grid", gap: 12 }}>
      <p style={{ margin: 0 }}>Run this on the host of the database:</p>
      <SqlBlock sql={token.command} label="Command that enrols the agent" />
      <Note tone="warn">
        The token is shown only now. It expires <Ago at={token.expires_at} />.
      </Note>
      <p style={{ margin: 0 }}>Then see what is missing, and start it. It appears in the list by itself as soon as it has connected.</p>
      <SqlBlock sql={"querysmith-agent check\nquerysmith-agent run"} label="Commands that check and start the agent" />
      <Group justify="flex-end">
        <Button onClick={onClose}>Done</Button>
      </Group>
    </div>
  );
}
