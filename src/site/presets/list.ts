import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ConiferError } from "../../model/errors.ts";
import { packageFolder } from "../../platform/programs.ts";
import { closest } from "../yaml/closest.ts";
import { type MachinePreset, parsePreset } from "./preset.ts";

/** All presets that Conifer comes with: machines by name, then kinds of machine. */
export async function listPresets(): Promise<readonly MachinePreset[]> {
  const folder = packageFolder("presets");
  const names = (await readdir(folder)).filter((file) => file.endsWith(".yml")).sort();
  const presets = await Promise.all(
    names.map(async (entry) => {
      const file = join(folder, entry);
      return parsePreset(await readFile(file, "utf8"), { name: entry.slice(0, -".yml".length), file });
    }),
  );
  return [...presets.filter((preset) => !isGeneric(preset)), ...presets.filter(isGeneric)];
}

/** The preset of a name; throws NOT_FOUND, which lists them. */
export async function findPreset(name: string): Promise<MachinePreset> {
  const presets = await listPresets();
  const found = presets.find((preset) => preset.name === name.toLowerCase());
  if (found !== undefined) return found;
  const names = presets.map((preset) => preset.name);
  const near = closest(name, names);
  const advice = near === null ? "" : `did you mean ${near}? `;
  throw new ConiferError("UNKNOWN_MACHINE", { name, advice, known: names.join(", ") });
}

/** Whether it is for a kind of machine, not for one of them. */
export function isGeneric({ machine }: MachinePreset): boolean {
  return machine.queues.length === 0;
}
