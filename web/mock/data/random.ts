// Repeatable numbers: the same mock fleet every time it starts.

export type Random = () => number;

export function random(seed: string): Random {
  let state = 2166136261;
  for (const char of seed) state = Math.imul(state ^ char.charCodeAt(0), 16777619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Multiplicative noise around 1, never negative. */
export function noise(next: Random, spread: number): number {
  const gauss = Math.sqrt(-2 * Math.log(next() + 1e-9)) * Math.cos(2 * Math.PI * next());
  return Math.exp(gauss * spread);
}

export function hex(seed: string, digits: number): string {
  const next = random(seed);
  return Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join("");
}

export function uuid(seed: string): string {
  const text = hex(seed, 32);
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-7${text.slice(13, 16)}-a${text.slice(17, 20)}-${text.slice(20)}`;
}

/** The daily rhythm of a shop: quiet at night, busy in the evening. */
export function daily(at: number): number {
  const hour = (at / 3_600_000) % 24;
  return 0.55 + 0.45 * Math.sin(((hour - 9) / 24) * 2 * Math.PI) ** 2 + (hour > 17 && hour < 22 ? 0.25 : 0);
}
