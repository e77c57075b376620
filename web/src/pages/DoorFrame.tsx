import { Text } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./DoorFrame.module.css";

/** The frame of the two pages that are seen before anybody is signed in. */
export function DoorFrame({ title, intro, children }: { title: string; intro?: ReactNode; children: ReactNode }) {
  return (
    <main className={classes.door}>
      <title>{`${title} · Querysmith`}</title>
      <div className={classes.brand}>
        <img src="/favicon.svg" alt="" width={30} height={30} />
        <span>Querysmith</span>
      </div>
      <div className={classes.card}>
        <h1>{title}</h1>
        {intro && <Text c="dimmed" size="sm" mb={14}>{intro}</Text>}
        {children}
      </div>
      <p className={classes.motto}>Finds slow statements, proposes the fix, asks before it acts, and takes back what did not help.</p>
    </main>
  );
}
