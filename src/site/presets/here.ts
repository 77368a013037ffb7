import { hostname } from "node:os";
import { findCommand } from "../doctor/machine.ts";
import { type Guess, guessMachine } from "./guess.ts";
import { listPresets } from "./list.ts";

/** The machine that this process runs on, as far as it can be told; null where nothing speaks for any. */
export async function guessHere(environment: Readonly<Record<string, string | undefined>>): Promise<Guess | null> {
  const presets = await listPresets();
  const wanted = [...new Set(presets.flatMap(({ machine }) => machine.recognize.commands))];
  const found = await Promise.all(wanted.map((name) => findCommand(name, environment.PATH ?? "")));
  const there = new Set(wanted.filter((_, index) => found[index] !== null));
  return guessMachine(presets, { hostname: hostname(), environment, hasCommand: (name) => there.has(name) });
}
