import type { Evidence } from "~/api/types.ts";
import classes from "./EvidenceList.module.css";

/** Each fact with the source it was read from. */
export function EvidenceList({ of }: { of: readonly Evidence[] }) {
  if (of.length === 0) return <span>No evidence was recorded.</span>;
  return (
    <dl className={classes.list}>
      {of.map((fact) => (
        <div key={fact.label}>
          <dt>{fact.label}</dt>
          <dd>{fact.value}</dd>
          <dd className={classes.source}>{fact.source}</dd>
        </div>
      ))}
    </dl>
  );
}
