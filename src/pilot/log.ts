import { join } from "node:path";
import { destination, type Logger, pino } from "pino";

/** The pilot's log, one JSON object a line in its own directory; it holds no secrets. */
export function openLog(directory: string): Logger {
  // Written at once: there is a line for what is notable, not for each task, and the last ones matter most.
  const file = destination({ dest: join(directory, "pilot.log"), mode: 0o600, sync: true, append: true });
  return pino({ base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }, file);
}
