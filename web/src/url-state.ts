// The address is the state of a page: what is filtered, sorted, chosen. Nothing of it is kept anywhere else.
import { useSearchParams } from "react-router";

export type Patch = Record<string, string | undefined>;

export interface UrlState {
  get: (name: string) => string | undefined;
  /** Changes some parameters. Another filter means another list, so the place in the old one is dropped. */
  set: (patch: Patch, how?: { replace?: boolean }) => void;
  /** The address with some parameters changed, for links. */
  with: (patch: Patch) => string;
}

export function patched(search: URLSearchParams, patch: Patch): URLSearchParams {
  const next = new URLSearchParams(search);
  if (!("cursor" in patch)) next.delete("cursor");
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined || value === "") next.delete(name);
    else next.set(name, value);
  }
  return next;
}

export function useUrl(): UrlState {
  const [search, setSearch] = useSearchParams();
  return {
    get: (name) => search.get(name) ?? undefined,
    set: (patch, how) => setSearch((current) => patched(current, patch), { replace: how?.replace ?? false, preventScrollReset: true }),
    with: (patch) => `?${patched(search, patch).toString()}`,
  };
}

/** Text from an address, if it is one of the words the page knows. */
export function oneOf<T extends string>(value: string | undefined, words: readonly T[]): T | undefined {
  return words.find((word) => word === value);
}
