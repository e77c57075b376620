import type { Role } from "~/api/types.ts";

export const ROLES = ["viewer", "approver", "admin"] as const satisfies readonly Role[];
