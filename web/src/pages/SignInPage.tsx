import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Navigate, useNavigate, useSearchParams } from "react-router";
import { read } from "~/api/read.ts";
import { write } from "~/api/write.ts";
import { links } from "~/links.ts";
import { Trouble } from "~/ui/Trouble.tsx";
import { DoorFrame } from "./DoorFrame.tsx";

export function Component() {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [search] = useSearchParams();
  const setUp = useQuery(read.setUp());
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const signIn = useMutation({
    mutationFn: () => write.signIn({ name: name.trim(), password }),
    onSuccess: (session) => {
      cache.setQueryData(read.session().queryKey, session);
      void navigate(ownPath(search.get("next")), { replace: true });
    },
  });
  if (setUp.data?.setup_needed) return <Navigate to={links.setUp()} replace />;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate();
  };
  return (
    <DoorFrame title="Sign in">
      <form onSubmit={submit} style={{ display: "grid", gap: 14 }}>
        <TextInput size="sm" label="Name" autoComplete="username" autoFocus required withAsterisk={false} value={name} onChange={(e) => setName(e.currentTarget.value)} />
        <PasswordInput label="Password" autoComplete="current-password" required withAsterisk={false} value={password} onChange={(e) => setPassword(e.currentTarget.value)} />
        {signIn.isError && <Trouble error={signIn.error} />}
        <Button type="submit" size="sm" loading={signIn.isPending}>
          Sign in
        </Button>
      </form>
    </DoorFrame>
  );
}

/** Only paths of this console: an address in a link must not lead anywhere else. */
export function ownPath(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) ? next : links.overview();
}
