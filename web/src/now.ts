// One clock for all relative times on the screen, so that they tick together and rarely.
import { useSyncExternalStore } from "react";

const TICK_MS = 10_000;
let now = Date.now();
let timer: number | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === undefined) {
    timer = window.setInterval(() => {
      now = Date.now();
      for (const each of listeners) each();
    }, TICK_MS);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      window.clearInterval(timer);
      timer = undefined;
    }
  };
}

export function useNow(): number {
  const tick = useSyncExternalStore(subscribe, () => now);
  // A page opened between two ticks must not call the present the future.
  return Math.max(tick, Math.floor(Date.now() / 1000) * 1000);
}
