import { guessHere, listPresets, type MachinePreset } from "../../site/index.ts";
import type { Cli } from "../cli.ts";

/** `conifer site machines` */
export async function listMachines(cli: Cli): Promise<void> {
  const presets = await listPresets();
  const here = (await guessHere(cli.env))?.preset.name ?? null;
  if (cli.terminal.json) {
    const items = presets.map(({ name, machine, given }) => ({
      name,
      ...machine,
      settings: Object.fromEntries([...given].map(([path, { value }]) => [path, value])),
      here: name === here,
    }));
    return cli.terminal.answer({ items }, () => "");
  }
  cli.terminal.rows<MachinePreset>(presets, {
    columns: [
      { title: "MACHINE", value: ({ name }) => name, style: ({ name }) => (name === here ? "green" : null) },
      { title: "SCHEDULER", value: ({ given }) => String(given.get("scheduler.kind")?.value ?? "local") },
      { title: "CORES", value: ({ given }) => countOf(given.get("scheduler.node.cores")?.value), align: "right" },
      { title: "GPUS", value: ({ given }) => countOf(given.get("scheduler.node.gpus")?.value), align: "right" },
      { title: "AS OF", value: ({ machine }) => machine.asOf, drop: 2 },
      { title: "RETIRED", value: ({ machine }) => machine.retired, drop: 3 },
      { title: "WHAT IT IS", value: ({ machine }) => machine.title, least: 12, drop: 1 },
    ],
    empty: "no machines are known",
  });
  if (here !== null) cli.terminal.note(`this one is taken for ${here}`);
}

function countOf(value: unknown): number | null {
  if (Array.isArray(value)) return value.length;
  return typeof value === "number" ? value : null;
}
