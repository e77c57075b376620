import { share } from "~/format.ts";
import classes from "./ShareBar.module.css";

/** A share as a number and a bar, so that a column of them can be compared at a glance. */
export function ShareBar({ of, most = 1 }: { of: number | null | undefined; most?: number }) {
  const width = of == null ? 0 : Math.min(100, (of / (most || 1)) * 100);
  return (
    <span className={classes.share}>
      <span className={classes.track} aria-hidden>
        <span className={classes.bar} style={{ width: `${width}%` }} />
      </span>
      <span className="number">{share(of)}</span>
    </span>
  );
}
