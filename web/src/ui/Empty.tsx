import { IconInbox } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./Empty.module.css";

/** Why there is nothing here, and what to do. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={classes.empty}>
      <IconInbox size={26} stroke={1.4} aria-hidden />
      <strong>{title}</strong>
      {children && <div className={classes.why}>{children}</div>}
    </div>
  );
}
