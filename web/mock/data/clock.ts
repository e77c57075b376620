export const STARTED = Date.now();
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const iso = (at: number) => new Date(at).toISOString();
export const ago = (ms: number) => iso(STARTED - ms);
export const ahead = (ms: number) => iso(STARTED + ms);
