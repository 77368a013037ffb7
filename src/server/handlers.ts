/** All handlers together, each part from the folder of its subject. */
import type { TokenCache } from "./access/token-cache.ts";
import { accessHandlers } from "./access/users.ts";
import { appHandlers } from "./apps/index.ts";
import { batchJobHandlers } from "./batch-jobs/index.ts";
import { eventStream } from "./changes/index.ts";
import { eventHandlers } from "./events/index.ts";
import { hookHandlers } from "./hooks/index.ts";
import type { Handlers, StreamHandlers } from "./http/context.ts";
import { jobHandlers } from "./jobs/index.ts";
import { demandHandlers, sessionCommands, sessionHandlers } from "./sessions/index.ts";
import { siteHandlers } from "./sites/index.ts";
import { type StatusBoard, statusHandlers } from "./status.ts";
import { transferHandlers } from "./transfers/index.ts";

/** What some handlers need beyond a request's context. */
export type HandlerParts = { readonly tokens: TokenCache; readonly board: StatusBoard; readonly startedMs: number };

/** Every operation's handler. A part is a value written `{…} satisfies Partial<Handlers>`, or a function that answers one. */
export function makeHandlers({ tokens, board, startedMs }: HandlerParts): Handlers {
  return {
    ...statusHandlers(board, startedMs),
    ...accessHandlers(tokens),
    ...siteHandlers,
    ...appHandlers,
    ...jobHandlers,
    ...eventHandlers,
    ...sessionHandlers,
    ...batchJobHandlers,
    ...hookHandlers,
    ...demandHandlers,
    ...transferHandlers,
  };
}

/** Every stream's handler. */
export const streams: StreamHandlers = { events: eventStream, sessionCommands };
