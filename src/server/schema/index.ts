/** The database's schema, as numbered migrations; an applied one is never changed, a new one is added behind it. */
import { start } from "./001-start.ts";
import { expected } from "./002-expected.ts";

export const migrations = [start, expected] as const;
