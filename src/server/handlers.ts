/** All handlers together, each part from the folder of its subject. */
import type { Handlers, StreamHandlers } from "./http/context.ts";

/**
 * Every operation's handler. A part is a value written `{…} satisfies Partial<Handlers>`, or a function of what it needs
 * that answers one; it is spread here.
 */
export const handlers = {} satisfies Partial<Handlers>;

/** Every stream's handler. */
export const streams = {} satisfies Partial<StreamHandlers>;
