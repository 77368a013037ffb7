/** What a server does besides answering requests. */
export { clearDeleted } from "./clear-deleted.ts";
export { type Chore, Upkeep } from "./upkeep.ts";
