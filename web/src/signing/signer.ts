// What the person at this browser can sign of something, and how.
import { useQuery } from "@tanstack/react-query";
import { useSession } from "~/access/session.tsx";
import type { Signature, Signing } from "~/api/types.ts";
import { loadKey, obstacle, sign } from "./key.ts";

export interface Signer {
  /** The host takes signed approvals only. */
  needed: boolean;
  /** Why it can't be signed here; nothing where it can, or needn't be. */
  why?: string;
  /** Whose key this browser has, as the host calls them. */
  owner?: string;
  /** The signature; nothing where none is needed. */
  sign: () => Promise<Signature | undefined>;
}

export const keyQuery = (account: string) => ({
  queryKey: ["signing-key", account],
  queryFn: () => loadKey(account),
  staleTime: Infinity,
  refetchInterval: false as const,
});

export function useSigner(signing: Signing | null | undefined): Signer {
  const { user } = useSession();
  const stored = useQuery(keyQuery(user.name));
  if (!signing || signing.approvers.length === 0) return { needed: false, sign: async () => undefined };
  const key = stored.data;
  const owner = key && signing.approvers.find((approver) => approver.keys.includes(key.name))?.name;
  if (key && owner) return { needed: true, owner, sign: () => sign(key, signing.text) };
  const names = signing.approvers.map((approver) => approver.name).join(", ");
  const why = stored.isPending
    ? "Looking for the key of this browser."
    : (obstacle() ?? (key ? `The host doesn't know the key of this browser, only those of ${names}. Have root add it to the host's allow-list.` : "This browser has no key of yours yet."));
  return { needed: true, why, sign: () => Promise.reject(new Error(why)) };
}
