import { destination, type Logger, pino, stdTimeFunctions } from "pino";

export type AgentLog = Pick<Logger, "debug" | "info" | "warn" | "error">;

/** The agent's log: one JSON object a line, appended to a file that only its user can read. */
export function openLog(file: string, level: string): AgentLog {
  return pino(
    { level, base: null, timestamp: stdTimeFunctions.isoTime, redact: ["token", "*.token"] },
    destination({ dest: file, mode: 0o600, mkdir: true, sync: true }),
  );
}
