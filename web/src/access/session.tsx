import { createContext, useContext } from "react";
import type { Session } from "~/api/types.ts";

export const SessionContext = createContext<Session | null>(null);

/** Who is signed in. Only pages inside the shell ask, and the shell is only shown to somebody. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession outside of the signed-in part of the console");
  return session;
}
