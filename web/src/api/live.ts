// One server-sent event stream per open console. An event carries no data, only what to read again:
// the query cache stays the single home of server data.
import type { QueryClient } from "@tanstack/react-query";

const TOPICS = ["findings", "proposals", "changes", "instances", "queries", "agents", "jobs", "outcomes", "all"] as const;
type Topic = (typeof TOPICS)[number];
export type LiveState = "connecting" | "live" | "lost";

/** What else shows numbers of this topic. */
const ALSO: Partial<Record<Topic, readonly string[]>> = {
  findings: ["summary", "instances", "queries"],
  proposals: ["summary", "findings", "audit"],
  changes: ["summary", "proposals", "queries", "instances", "audit"],
  instances: ["summary"],
  agents: ["summary", "instances"],
  jobs: ["summary"],
};

export function topicOf(data: string): Topic | null {
  try {
    const parsed: unknown = JSON.parse(data);
    const name: unknown = typeof parsed === "object" && parsed !== null ? Reflect.get(parsed, "topic") : null;
    return TOPICS.find((topic) => topic === name) ?? null;
  } catch {
    return null;
  }
}

export function refresh(cache: QueryClient, topic: Topic): void {
  if (topic === "all") {
    void cache.invalidateQueries();
    return;
  }
  for (const first of [topic, ...(ALSO[topic] ?? [])]) void cache.invalidateQueries({ queryKey: [first] });
}

let state: LiveState = "connecting";
const listeners = new Set<() => void>();

function become(next: LiveState): void {
  if (next === state) return;
  state = next;
  for (const listener of listeners) listener();
}

export const liveState = {
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  get: (): LiveState => state,
};

/** The controller ends each stream after a while and the browser opens the next: that is not worth a warning. */
const PATIENCE_MS = 8_000;
/** When the browser gave up (the controller refused), we try again. */
const RETRY_MS = 20_000;

/** Follows the stream until the returned function is called. */
export function follow(cache: QueryClient): () => void {
  let stream: EventSource | null = null;
  let warning: number | undefined;
  let retry: number | undefined;
  let missedSomething = false;

  const open = () => {
    stream = new EventSource("/api/v1/events");
    stream.onopen = () => {
      window.clearTimeout(warning);
      warning = undefined;
      become("live");
      if (missedSomething) void cache.invalidateQueries();
      missedSomething = false;
    };
    stream.onerror = () => {
      missedSomething = true;
      warning ??= window.setTimeout(() => become("lost"), PATIENCE_MS);
      if (stream?.readyState === EventSource.CLOSED) retry = window.setTimeout(open, RETRY_MS);
    };
    stream.addEventListener("changed", (event) => {
      const topic = topicOf(event.data);
      if (topic) refresh(cache, topic);
    });
  };
  const close = () => {
    window.clearTimeout(warning);
    window.clearTimeout(retry);
    warning = undefined;
    stream?.close();
    stream = null;
    become("connecting");
  };
  // A browser opens only about six connections to one address: tabs that nobody sees must not hold theirs.
  const onVisibility = () => {
    close();
    missedSomething = true;
    if (!document.hidden) open();
  };
  open();
  document.addEventListener("visibilitychange", onVisibility);
  return () => {
    document.removeEventListener("visibilitychange", onVisibility);
    close();
  };
}
