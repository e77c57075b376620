import { Button } from "@mantine/core";
import { useState } from "react";
import { CopyButton } from "./CopyButton.tsx";
import { broken, gist, tokens } from "./sql-tokens.ts";
import classes from "./SqlText.module.css";

/** Coloured SQL on one line, for table cells: its gist, or the part that is to be shown. */
export function SqlLine({ sql, shown = gist(sql) }: { sql: string; shown?: string }) {
  if (sql === "") return <em>text not known yet</em>;
  return (
    <code className={classes.line} title={sql}>
      <Coloured sql={shown} />
    </code>
  );
}

const COLLAPSED_LINES = 3;

/** A block of SQL with a copy button; long texts begin collapsed unless they are what is being decided about. */
export function SqlBlock({ sql, label, collapse = false }: { sql: string; label: string; collapse?: boolean }) {
  const [open, setOpen] = useState(!collapse);
  const text = broken(sql);
  const collapsible = collapse && text.split("\n").length > COLLAPSED_LINES;
  return (
    <div className={classes.block}>
      <pre className={classes.text} data-collapsed={(collapsible && !open) || undefined} tabIndex={0} aria-label={label}>
        <code>
          <Coloured sql={text} />
        </code>
      </pre>
      <div className={classes.copy}>
        <CopyButton text={text} what={label} />
      </div>
      {collapsible && (
        <Button variant="subtle" size="compact-xs" onClick={() => setOpen(!open)} aria-expanded={open} className={classes.more}>
          {open ? "Show less" : "Show the whole text"}
        </Button>
      )}
    </div>
  );
}

function Coloured({ sql }: { sql: string }) {
  return tokens(sql).map((token, index) =>
    token.kind === "other" || token.kind === "name" ? (
      token.text
    ) : (
      <span key={index} data-kind={token.kind}>
        {token.text}
      </span>
    ),
  );
}
