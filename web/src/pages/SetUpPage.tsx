import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Navigate, useNavigate } from "react-router";
import { read } from "~/api/read.ts";
import { toProblem } from "~/api/problem.ts";
import { write } from "~/api/write.ts";
import { links } from "~/links.ts";
import { Trouble } from "~/ui/Trouble.tsx";
import { DoorFrame } from "./DoorFrame.tsx";

const LEAST_PASSWORD = 12;

export function Component() {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const setUp = useQuery(read.setUp());
  const [code, setCode] = useState("");
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const begin = useMutation({
    mutationFn: () => write.setUp({ code: code.trim(), name: name.trim(), password }),
    onSuccess: (session) => {
      cache.setQueryData(read.session().queryKey, session);
      cache.setQueryData(read.setUp().queryKey, { setup_needed: false });
      void navigate(links.fleet(), { replace: true });
    },
  });
  if (setUp.data && !setUp.data.setup_needed && !begin.isPending && !begin.isSuccess) return <Navigate to={links.signIn()} replace />;

  const problem = begin.isError ? toProblem(begin.error) : null;
  const fieldError = (field: string) => (problem?.field === field ? problem.message : undefined);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    begin.mutate();
  };
  return (
    <DoorFrame title="Set up this controller" intro="Nobody can sign in yet. A one-time code shows that you are the controller's owner.">
      <form onSubmit={submit} style={{ display: "grid", gap: 14 }}>
        <TextInput size="sm" label="Set-up code" description="Printed by “querysmith-controller setup-code” on the controller's host." autoComplete="off" autoFocus required withAsterisk={false} error={fieldError("code")} value={code} onChange={(e) => setCode(e.currentTarget.value)} />
        <TextInput size="sm" label="Your name" description="The first administrator." autoComplete="username" required withAsterisk={false} error={fieldError("name")} value={name} onChange={(e) => setName(e.currentTarget.value)} />
        <PasswordInput label="Password" description={`At least ${LEAST_PASSWORD} characters.`} autoComplete="new-password" minLength={LEAST_PASSWORD} required withAsterisk={false} error={fieldError("password")} value={password} onChange={(e) => setPassword(e.currentTarget.value)} />
        {problem && (!problem.field || problem.hint) && <Trouble error={problem} />}
        <Button type="submit" size="sm" loading={begin.isPending}>
          Create the administrator
        </Button>
      </form>
    </DoorFrame>
  );
}
