// The approver's key of this browser. It is made here, stays here, and nothing can read it: the browser signs with it,
// and that is all it does. Hosts know its public half.
import { del, get, set } from "idb-keyval";
import type { Signature } from "~/api/types.ts";

export interface SigningKey {
  pair: CryptoKeyPair;
  /** As a host's allow-list names it: `ed25519:` and 64 hexadecimal digits. */
  name: string;
  madeAt: string;
}

const ALGORITHM = "Ed25519";

/** Several people may share a browser, one after the other. */
const place = (account: string) => `signing-key:${account}`;

const hex = (bytes: ArrayBuffer) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Why this browser can't sign, with what to do; nothing where it can. */
export function obstacle(): string | undefined {
  if (!globalThis.isSecureContext) return "A browser signs on https:// or on localhost only. Open the console there, or sign on the command line.";
  return undefined;
}

export async function loadKey(account: string): Promise<SigningKey | null> {
  return (await get<SigningKey>(place(account))) ?? null;
}

export async function makeKey(account: string, now: Date): Promise<SigningKey> {
  const pair = await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("This browser makes no Ed25519 keys. Update it, or sign on the command line.");
  const key = { pair, name: `ed25519:${hex(await crypto.subtle.exportKey("raw", pair.publicKey))}`, madeAt: now.toISOString() };
  await set(place(account), key);
  return key;
}

export const removeKey = (account: string) => del(place(account));

/** Signs the UTF-8 bytes of a text. */
export async function sign(key: SigningKey, text: string): Promise<Signature> {
  const signature = await crypto.subtle.sign(ALGORITHM, key.pair.privateKey, new TextEncoder().encode(text));
  return { key: key.name, signature: hex(signature) };
}
