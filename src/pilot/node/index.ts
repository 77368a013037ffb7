/**
 * The node agent: starts the processes of tasks on one machine, pins them, watches them and reports. Where a task runs
 * and when is the hub's decision (`../hub`); nothing here places, retries or talks to a server. Folders are the phases of a task:
 * `prepare` (workdir, inputs, environment), `shell` (task shells that start it), `finish` (how it ended), `sweep` (that
 * nothing of it stays); `machine` is what the node has.
 */
export { type NodeAgentOptions, runNodeAgent } from "./agent.ts";
