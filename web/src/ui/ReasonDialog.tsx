import { Button, Group, Modal, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactNode } from "react";
import { Trouble } from "./Trouble.tsx";

interface Props<T> {
  title: string;
  opened: boolean;
  onClose: () => void;
  /** What exactly will happen. */
  children: ReactNode;
  action: string;
  danger?: boolean;
  reason: "required" | "optional" | "none";
  /** Something else than the reason is still missing; the children say what. */
  blocked?: boolean;
  /** For what cannot be taken back: this name has to be typed. */
  typeName?: string;
  run: (reason: string) => Promise<T>;
  onDone: (result: T) => void;
}

/** One deliberate step: what will happen, why, and a button named after it. */
export function ReasonDialog<T>(props: Props<T>) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={<strong>{props.title}</strong>} size="lg">
      <Form {...props} />
    </Modal>
  );
}

function Form<T>({ children, action, danger, reason, blocked, typeName, run, onDone, onClose }: Props<T>) {
  const [text, setText] = useState("");
  const [name, setName] = useState("");
  const attempt = useMutation({
    mutationFn: () => run(text.trim()),
    onSuccess: (result) => {
      onClose();
      onDone(result);
    },
  });
  const ready = !blocked && (reason !== "required" || text.trim() !== "") && (!typeName || name === typeName);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) attempt.mutate();
  };
  return (
    <form onSubmit={submit} style={{ display: "grid", gap: 12 }}>
      <div>{children}</div>
      {reason !== "none" && <Textarea
        label={reason === "required" ? "Reason" : "Reason (optional)"}
        description="Kept in the audit log; the next reader will be glad of it."
        required={reason === "required"}
        withAsterisk={false}
        autosize
        minRows={2}
        data-autofocus
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />}
      {typeName && (
        <TextInput label={`Type ${typeName} to go on`} autoComplete="off" value={name} onChange={(event) => setName(event.currentTarget.value)} />
      )}
      {attempt.isError && <Trouble error={attempt.error} />}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" color={danger ? "red.8" : undefined} disabled={!ready} loading={attempt.isPending}>
          {action}
        </Button>
      </Group>
    </form>
  );
}
