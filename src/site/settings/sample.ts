import { Document, isCollection } from "yaml";
import type { MachinePreset } from "../presets/preset.ts";
import { settingEntries } from "./reference.ts";

export type SampleSettings = {
  readonly name?: string;
  /** What is known of the machine; its settings are filled in. */
  readonly preset?: MachinePreset;
};

/** settings.yml with every setting under what it means: those of the name and the preset given, all others commented out at their default. */
export function sampleSettings({ name, preset }: SampleSettings = {}): string {
  const lines = ["# Settings of a site. Every line that is commented out shows the default."];
  if (preset !== undefined) lines.push(...headOf(preset));
  lines.push("");
  for (const { path, help, default: value, isSection } of settingEntries()) {
    const key = path.at(-1) ?? "";
    const indent = "  ".repeat(path.length - 1);
    const given = preset?.given.get(path.join("."));
    const write = (text: string) => lines.push(...text.split("\n").map((line) => `${indent}${line}`.trimEnd()));
    if (path.length === 1 && isSection) lines.push("");
    write(`# ${help}`);
    for (const comment of given?.comments ?? []) write(`# (${preset?.name}) ${comment}`);
    if (isSection) write(`${key}:`);
    else if (path.length === 1 && key === "name" && name !== undefined) write(toYaml("name", name));
    else if (given !== undefined) write(toYaml(key, given.value));
    else write(`# ${toYaml(key, value)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** What the preset says of the machine, its queues, and of what is still to be filled in. */
function headOf({ name, machine }: MachinePreset): string[] {
  const queues = machine.queues.map(
    (queue) =>
      `#   ${queue.name}: ${queue.nodes} nodes, ${queue.wallTime}${queue.note === "" ? "" : ` (${queue.note})`}`,
  );
  return [
    "#",
    `# Machine: ${name}. ${machine.title}`,
    `# As of ${machine.asOf}, from ${machine.source}${machine.retired === null ? "" : `; out of service since ${machine.retired}`}`,
    ...(queues.length === 0 ? [] : ["# Queues:", ...queues]),
    ...(machine.check.length === 0 ? [] : ["# Look at:", ...machine.check.map((line) => `#   - ${line}`)]),
  ];
}

/** One setting; lists and records stay on its line, text of several lines becomes a block. */
function toYaml(key: string, value: unknown): string {
  const document = new Document({ [key]: value });
  const node = document.get(key, true);
  if (isCollection(node)) node.flow = true;
  return document.toString({ lineWidth: 0, flowCollectionPadding: true }).trimEnd();
}
