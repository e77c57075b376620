// The time that a change has left on trial, and what a person may do to it.
import type { Change } from "~/api/types.ts";

type Hands = Pick<Change["can"], "hold" | "hold_reason" | "release" | "release_reason" | "keep" | "keep_reason">;

export const TERMS = "On trial for 8 h at most, with or without word from the controller; then the agent takes it back.";

export const NO_HAND: Hands = { hold: false, hold_reason: "It is not on trial.", release: false, release_reason: "It is not on trial.", keep: false, keep_reason: "It is not on trial." };

/** What a person may do to a trial. */
export function hands(to: Change["state"], held: Change["held"]): Hands {
  if (to !== "trial") return NO_HAND;
  return {
    hold: !held, hold_reason: held ? `${held.by} holds the verdict already` : null,
    release: !!held, release_reason: held ? null : "nobody holds the verdict",
    keep: true, keep_reason: null,
  };
}

/** A quarter of an hour until the controller is missed, eight hours in all. */
export function lease(now: number): NonNullable<Change["lease"]> {
  return { lease_until: new Date(now + 15 * 60_000).toISOString(), trial_until: new Date(now + 8 * 3_600_000).toISOString() };
}
