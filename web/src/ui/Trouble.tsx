import { Button } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { toProblem } from "~/api/problem.ts";
import { sentence } from "~/format.ts";
import classes from "./Trouble.module.css";

/** What the server said, word for word, and what to do about it. */
export function Trouble({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = toProblem(error);
  return (
    <div className={classes.trouble} role="alert">
      <IconAlertTriangle size={17} aria-hidden />
      <div>
        <strong>{problem.title}</strong>
        <p>{sentence(problem.message)}</p>
        {problem.hint && <p className={classes.hint}>{sentence(problem.hint)}</p>}
        {retry && (
          <Button variant="default" size="compact-xs" mt={6} onClick={retry}>
            Try again
          </Button>
        )}
      </div>
    </div>
  );
}
