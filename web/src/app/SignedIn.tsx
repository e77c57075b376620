import { useQuery } from "@tanstack/react-query";
import { Navigate, useLocation } from "react-router";
import { SessionContext } from "~/access/session.tsx";
import { read } from "~/api/read.ts";
import { links } from "~/links.ts";
import { Skeletons } from "~/ui/Loaded.tsx";
import { Trouble } from "~/ui/Trouble.tsx";
import { Shell } from "./Shell.tsx";

/** The shell, for somebody; the sign-in page, with the way back, for nobody. */
export function SignedIn() {
  const session = useQuery(read.session());
  const { pathname, search } = useLocation();
  if (session.data === null) return <Navigate to={links.signIn(pathname + search)} replace />;
  if (session.data) {
    return (
      <SessionContext value={session.data}>
        <Shell />
      </SessionContext>
    );
  }
  return (
    <main style={{ maxWidth: 560, margin: "12vh auto", padding: 20 }}>
      {session.isError ? <Trouble error={session.error} retry={() => void session.refetch()} /> : <Skeletons lines={5} />}
    </main>
  );
}
