import type { HubMessage, NodeMessage } from "./messages.ts";

/** Checks that a value is a message a hub sends; what is inside a task is checked where the task starts. Throws with the reason. */
export function readHubMessage(value: unknown): HubMessage {
  const { type, message } = typed(value);
  if (type === "start" || type === "end") requireTasks(message);
  else if (type === "share") for (const list of ["begin", "end"]) requireTasks(message, list);
  else if (type === "ping") requireNumber(message, "n");
  else if (type === "shutdown") requireNumber(message, "graceSec");
  else throw new Error(`unknown type ${JSON.stringify(type)}`);
  return value as HubMessage;
}

/** Checks that a value is a message a node agent sends. Throws with the reason. */
export function readNodeMessage(value: unknown): NodeMessage {
  const { type, message } = typed(value);
  if (type === "started" || type === "ended" || type === "cleared") requireTasks(message);
  else if (type === "pong") requireNumber(message, "n");
  else if (type === "note") requireString(message, "text");
  else if (type === "hello") {
    requireNumber(message, "protocol");
    requireNumber(message, "pid");
    requireNumber(message, "memoryBytes");
    requireString(message, "hostname");
    requireString(message, "bootId");
    requireString(message, "agent");
    requireArray(message, "cpus");
    requireArray(message, "gpus");
  } else throw new Error(`unknown type ${JSON.stringify(type)}`);
  return value as NodeMessage;
}

type Fields = Readonly<Record<string, unknown>>;

function typed(value: unknown): { type: unknown; message: Fields } {
  if (typeof value !== "object" || value === null) throw new Error("not an object");
  const message = value as Fields;
  return { type: message.type, message };
}

function requireTasks(message: Fields, field = "tasks"): void {
  for (const task of requireArray(message, field))
    if (typeof task !== "object" || task === null || typeof (task as Fields).task !== "string")
      throw new Error(`an entry of ${field} without its task`);
}

function requireArray(message: Fields, field: string): readonly unknown[] {
  const value = message[field];
  if (!Array.isArray(value)) throw new Error(`${field} is not a list`);
  return value;
}

function requireNumber(message: Fields, field: string): void {
  if (typeof message[field] !== "number") throw new Error(`${field} is not a number`);
}

function requireString(message: Fields, field: string): void {
  if (typeof message[field] !== "string") throw new Error(`${field} is not a text`);
}
