import type { JobState } from "../../model/states.ts";

const CODES = { red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36, bold: 1, dim: 2 } as const;
export type Style = keyof typeof CODES;
/** Puts a style around a text, or leaves it as it is. */
export type Paint = (style: Style | null, text: string) => string;

export const plain: Paint = (_style, text) => text;
export const painted: Paint = (style, text) => (style === null ? text : `\u001b[${CODES[style]}m${text}\u001b[0m`);

/** Whether to use colours: NO_COLOR and a dumb terminal forbid them, FORCE_COLOR wants them, otherwise a terminal decides. */
export function wantsColour(isTty: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR && env.FORCE_COLOR !== "0") return true;
  return isTty && env.TERM !== "dumb";
}

/** How a job's state is shown. */
export function stateStyle(state: JobState): Style | null {
  switch (state) {
    case "RUNNING":
      return "cyan";
    case "JOB_FINISHED":
      return "green";
    case "FAILED":
    case "RUN_ERROR":
      return "red";
    case "RUN_TIMEOUT":
    case "RESTART_READY":
      return "yellow";
    case "USER_KILLED":
      return "magenta";
    case "AWAITING_PARENTS":
      return "dim";
    default:
      return null;
  }
}
