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
  /** Presets that it could be as well: for nodes of other kinds, or for another scheduler that is there too. */
  readonly others: readonly string[];
};

/** The machine this is: by its host name, by what its login shells have, else by its scheduler's commands; null where there are none of these. */
export function guessMachine(presets: readonly MachinePreset[], seen: Surroundings): Guess | null {
  const [first, ...also] = presets.flatMap((preset) => {
    const because = recognized(preset, seen);
    return because === null ? [] : [{ preset, because }];
  });
  if (first === undefined) return null;
  const others = isGeneric(first.preset) ? also.map(({ preset }) => preset.name) : relatives(first.preset, presets);
  return { ...first, others };
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
