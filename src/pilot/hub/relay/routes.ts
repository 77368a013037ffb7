import type { OperationName } from "../../../client/wire/operations.ts";
import { ROUTES } from "../../../client/wire/routes.ts";

/** What a running job may do through its pilot: make, change, follow and end jobs, and read what it needs for that. */
const allowed = [
  "jobCreate",
  "jobGet",
  "jobList",
  "jobCounts",
  "jobHistory",
  "jobExplain",
  "jobUpdate",
  "jobKill",
  "jobRetry",
  "appList",
  "siteGet",
] as const satisfies readonly OperationName[];

export type RelayedName = (typeof allowed)[number];

export interface RelayedRoute {
  readonly name: RelayedName;
  readonly id: number | null;
}

/** The operation that a request names, or null where a job may not call it. */
export function routeOf(method: string, path: string): RelayedRoute | null {
  let found: RelayedRoute | null = null;
  for (const name of allowed) {
    const [routeMethod, route] = ROUTES[name];
    if (routeMethod !== method) continue;
    if (route === path) return { name, id: null };
    const [before = "", after = ""] = route.split(":id");
    const middle = path.slice(before.length, path.length - after.length);
    if (route.includes(":id") && path === `${before}${middle}${after}` && /^[1-9]\d{0,15}$/.test(middle))
      found = { name, id: Number(middle) };
  }
  return found;
}
