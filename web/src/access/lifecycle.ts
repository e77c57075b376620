import type { ChangeRow } from "~/api/types.ts";

const UNDER_WAY: Record<ChangeRow["state"], boolean> = {
  approved: true,
  offered: true,
  received: true,
  armed: true,
  applying: true,
  trial: true,
  reverting: true,
  stuck: true,
  rejected: false,
  confirmed: false,
  reverted: false,
  aborted: false,
};

/** Whether a change may still do something, or needs somebody. */
export const isUnderWay = (state: ChangeRow["state"]): boolean => UNDER_WAY[state];
