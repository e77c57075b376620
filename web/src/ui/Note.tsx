import { IconAlertTriangle, IconCheck, IconInfoCircle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import type { Tone } from "./states.ts";
import classes from "./Trouble.module.css";

/** A sentence the reader should not miss on this page. */
export function Note({ tone, children }: { tone: Tone; children: ReactNode }) {
  const Sign = tone === "warn" || tone === "bad" ? IconAlertTriangle : tone === "good" ? IconCheck : IconInfoCircle;
  return (
    <div className={classes.note} data-tone={tone} role="note">
      <Sign size={16} aria-hidden />
      <div>{children}</div>
    </div>
  );
}
