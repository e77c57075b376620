import type { ReactNode } from "react";
import classes from "./Facts.module.css";

export interface Fact {
  label: string;
  value: ReactNode;
  /** What the value was computed from, or what it means. */
  note?: ReactNode;
}

/** Numbers side by side, each with its name and where it comes from. */
export function Facts({ of, large = false }: { of: readonly Fact[]; large?: boolean }) {
  return (
    <dl className={classes.facts} data-large={large || undefined}>
      {of.map((fact) => (
        <div key={fact.label}>
          <dt>{fact.label}</dt>
          <dd>{fact.value}</dd>
          {fact.note && <dd className={classes.note}>{fact.note}</dd>}
        </div>
      ))}
    </dl>
  );
}
