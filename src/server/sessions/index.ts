/**
 * Sessions: a pilot's lease on jobs. `acquire.ts` hands jobs out, `report.ts` takes in what became of them (fenced by session
 * and attempt), `end.ts` gives back what a session leaves behind, `book.ts` keeps the leases in memory.
 */
export { type BookParts, SessionBook } from "./book.ts";
export { type Clocks, systemClocks } from "./clocks.ts";
export { announceEnded } from "./close.ts";
export { demandHandlers } from "./demand.ts";
export { type EndedSession, endSession } from "./end.ts";
export { sessionCommands, sessionHandlers } from "./handlers.ts";
export { Sweeper } from "./sweeper.ts";
