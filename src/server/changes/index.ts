/** Who changed what, carried from those who change it to those who wait: streams, waiting acquires, other API processes. */
export type { Bell } from "./bell.ts";
export { eventStream } from "./events.ts";
export { ChangeHub, type Message, type Topic } from "./hub.ts";
export { joinProcesses } from "./spread.ts";
