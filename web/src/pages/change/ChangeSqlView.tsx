import type { Change } from "~/api/types.ts";
import { script } from "~/ui/sql-tokens.ts";
import { SqlBlock } from "~/ui/SqlText.tsx";
import classes from "./Change.module.css";

/** The exact text of a change: what applies it, what proves it, what takes it back. */
export function ChangeSqlView({ sql }: { sql: Change["sql"] }) {
  return (
    <div className={classes.sql}>
      <h3>Apply</h3>
      <SqlBlock sql={script(sql.apply)} label="SQL that applies the change" />
      <h3>Verify</h3>
      <SqlBlock sql={script([sql.verify])} label="SQL that verifies the change" />
      <h3>Undo</h3>
      {sql.undo.length > 0 ? <SqlBlock sql={script(sql.undo)} label="SQL that undoes the change" /> : <p>Nothing to undo.</p>}
      {sql.terms && (
        <>
          <h3>Trial</h3>
          <p>{sql.terms}</p>
        </>
      )}
    </div>
  );
}
