import { Skeleton } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { toProblem } from "~/api/problem.ts";
import { relative } from "~/format.ts";
import { useNow } from "~/now.ts";
import { Note } from "./Note.tsx";
import { Trouble } from "./Trouble.tsx";

interface Props<T> {
  query: UseQueryResult<T>;
  /** The shape of what is coming, in lines. */
  lines?: number;
  children: (data: T) => ReactNode;
}

/** A skeleton at first, the server's reason if it failed, and old data with a warning if only the refresh failed. */
export function Loaded<T>({ query, lines = 8, children }: Props<T>) {
  if (query.data !== undefined) {
    return (
      <>
        {query.isError && <Stale error={query.error} at={query.dataUpdatedAt} />}
        {children(query.data)}
      </>
    );
  }
  if (query.isError) return <Trouble error={query.error} retry={() => void query.refetch()} />;
  return <Skeletons lines={lines} />;
}

function Stale({ error, at }: { error: unknown; at: number }) {
  const now = useNow();
  const problem = toProblem(error);
  return (
    <Note tone="warn">
      Shown as it was {relative(new Date(at).toISOString(), now)}; the last refresh failed. {problem.title}: {problem.message}
    </Note>
  );
}

export function Skeletons({ lines }: { lines: number }) {
  return (
    <div role="status" aria-label="Loading" style={{ display: "grid", gap: 12, padding: "12px 0" }}>
      {Array.from({ length: lines }, (_, index) => (
        <Skeleton key={index} height={18} width={`${96 - ((index * 17) % 40)}%`} />
      ))}
    </div>
  );
}
