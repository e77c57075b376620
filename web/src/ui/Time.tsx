import { localTime, MISSING, relative, timeWithZone } from "~/format.ts";
import { useNow } from "~/now.ts";

interface Props {
  at: string | null | undefined;
}

/** "3 min ago", with the exact time and zone on hover. For lists. */
export function Ago({ at }: Props) {
  const now = useNow();
  if (!at) return <span>{MISSING}</span>;
  return (
    <time className="number" dateTime={at} title={timeWithZone(at)}>
      {relative(at, now)}
    </time>
  );
}

/** The local time, with its zone on hover. */
export function At({ at }: Props) {
  if (!at) return <span>{MISSING}</span>;
  return (
    <time className="number" dateTime={at} title={timeWithZone(at)}>
      {localTime(at)}
    </time>
  );
}
