import { isGeneric } from "./list.ts";
import type { MachinePreset } from "./preset.ts";

/** What can be seen of a machine. */
export type Surroundings = {
  readonly hostname: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether a command is on PATH. */
  readonly hasCommand: (name: string) => boolean;
};
export type Guess = {
  readonly preset: MachinePreset;
  /** What it was recognized by, in words. */
  readonly because: string;
  /** Presets of the same machine, for nodes of other kinds. */
  readonly others: readonly string[];
};

/** The machine this is: by its host name, by what its login shells have, else by its scheduler's commands; null where there are none of these. */
export function guessMachine(presets: readonly MachinePreset[], seen: Surroundings): Guess | null {
  for (const preset of presets) {
    const because = recognized(preset, seen);
    if (because !== null) return { preset, because, others: relatives(preset, presets) };
  }
  return null;
}

function recognized(preset: MachinePreset, { hostname, environment, hasCommand }: Surroundings): string | null {
  const { hosts, environment: variables, commands } = preset.machine.recognize;
  if (hosts.some((pattern) => isLike(hostname, pattern))) return `the host name ${hostname}`;
  const [variable] = Object.entries(variables).filter(([name, value]) => environment[name] === value);
  if (variable !== undefined) return `${variable[0]}=${variable[1]}`;
  const isThere = isGeneric(preset) && commands.length > 0 && commands.every(hasCommand);
  return isThere ? `${commands.join(", ")} on PATH` : null;
}

/** `perlmutter-gpu` beside `perlmutter-cpu`. */
function relatives({ name }: MachinePreset, presets: readonly MachinePreset[]): string[] {
  const [family = name] = name.split("-");
  return presets.map((preset) => preset.name).filter((other) => other !== name && other.startsWith(`${family}-`));
}

/** By the whole name, or by what comes before the first dot. */
function isLike(hostname: string, pattern: string): boolean {
  const expression = new RegExp(`^${pattern.split("*").map(literal).join(".*")}$`);
  return expression.test(hostname) || expression.test(hostname.split(".")[0] ?? hostname);
}

const literal = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
