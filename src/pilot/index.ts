/**
 * The pilot: the program that runs inside an allocation and runs tasks on its nodes. `hub/` decides which task on which
 * nodes and talks to the source of tasks; `node/` starts the processes; `link/` is what the two say to each other; `worker/`
 * runs functions. `main.ts` is the program, bundled in one file: it loads no schemas and nothing of node_modules at run time.
 */
export type { PilotConfig, PilotConfigInput } from "./config.ts";
export { type Delivery, deliverJournal } from "./hub/report/deliver.ts";
