// The keys of the console. Nothing here knows a page: `/` finds its search field, `j` and `k` its row links.
import { links } from "~/links.ts";

export interface Destination {
  key: string;
  label: string;
  to: string;
}

export const DESTINATIONS: readonly Destination[] = [
  { key: "o", label: "Overview", to: links.overview() },
  { key: "l", label: "Fleet", to: links.fleet() },
  { key: "q", label: "Queries", to: links.queries() },
  { key: "f", label: "Findings", to: links.findings() },
  { key: "p", label: "Proposals", to: links.proposals() },
  { key: "c", label: "Changes", to: links.changes() },
  { key: "u", label: "Outcomes", to: links.outcomes() },
  { key: "a", label: "Audit", to: links.audit() },
  { key: "s", label: "Settings", to: links.settings() },
];

const SECOND_KEY_WITHIN_MS = 1500;

interface Actions {
  go: (to: string) => void;
  help: () => void;
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

function focusSearch(): boolean {
  const field = document.querySelector<HTMLInputElement>("input[data-search]");
  field?.focus();
  field?.select();
  return field !== null;
}

function step(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>("main [data-row-link]")];
  const current = rows.findIndex((row) => row === document.activeElement);
  const next = current === -1 ? (by === 1 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, current + by));
  rows[next]?.focus();
  rows[next]?.scrollIntoView({ block: "nearest" });
}

/** Listens until the returned function is called. */
export function listenForKeys({ go, help }: Actions): () => void {
  let goUntil = 0;
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (document.querySelector("[role=dialog]") && event.key !== "Escape") return;
    const destination = event.timeStamp < goUntil ? DESTINATIONS.find((candidate) => candidate.key === event.key) : undefined;
    goUntil = 0;
    if (destination) go(destination.to);
    else if (event.key === "g") goUntil = event.timeStamp + SECOND_KEY_WITHIN_MS;
    else if (event.key === "/") {
      if (!focusSearch()) go(links.queries());
    } else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "?") help();
    else return;
    event.preventDefault();
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}
