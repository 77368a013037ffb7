import { isMap, isPair, isScalar, type Pair, parseDocument, type YAMLMap } from "yaml";
import { z } from "zod";
import { ConiferError } from "../../model/errors.ts";
import { settingsSchema } from "../settings/schema.ts";
import { readYaml } from "../yaml/read-yaml.ts";

/** The head of a preset: for people, and to recognize the machine by. */
const machineSchema = z.strictObject({
  title: z.string(),
  /** Where the facts are from, and when (year and month) they were true. */
  source: z.string(),
  asOf: z.string().regex(/^\d{4}-\d{2}$/),
  /** Since when the machine is no more; it is kept as an example. */
  retired: z
    .string()
    .regex(/^\d{4}-\d{2}$/)
    .nullable()
    .default(null),
  recognize: z
    .strictObject({
      /** Host names of its login nodes; `*` is anything. */
      hosts: z.array(z.string()).default([]),
      /** Variables that its login shells have. */
      environment: z.record(z.string(), z.string()).default({}),
      /** Commands that must all be on PATH: of a kind of machine, not of one machine. */
      commands: z.array(z.string()).default([]),
    })
    .prefault({}),
  queues: z
    .array(
      z.strictObject({
        name: z.string(),
        nodes: z.string().regex(/^\d+-\d+$/),
        wallTime: z.string().regex(/^\d+[mh]$/),
        note: z.string().default(""),
      }),
    )
    .default([]),
  /** What whoever takes the preset has to look at. */
  check: z.array(z.string()).default([]),
});
export type Machine = z.output<typeof machineSchema>;

/** What is known of a machine: a head, and a part of settings.yml. */
export type MachinePreset = {
  readonly name: string;
  readonly machine: Machine;
  /** The settings that it gives, by their path (`scheduler.node.cores`), with the preset's own comments on them. */
  readonly given: ReadonlyMap<string, GivenSetting>;
};
export type GivenSetting = { readonly value: unknown; readonly comments: readonly string[] };

const presetSchema = settingsSchema.extend({ machine: machineSchema });

/** Reads a preset; throws BAD_SETTINGS with every problem and its line. */
export function parsePreset(text: string, { name, file }: { name: string; file: string }): MachinePreset {
  const reading = readYaml(text, presetSchema);
  if (!reading.ok) {
    const [first, ...others] = reading.problems;
    const more = others.map(({ line, problem }) => `\n${file}:${line}: ${problem}`).join("");
    throw new ConiferError("BAD_SETTINGS", { file, line: first?.line ?? 1, problem: `${first?.problem}${more}` });
  }
  const { contents } = parseDocument(text);
  const given = isMap(contents) ? new Map(settingsOf(contents, [])) : new Map<string, GivenSetting>();
  return { name, machine: reading.value.machine, given };
}

/** Objects whose keys are no settings: they are given whole. */
const RECORDS = new Set(["scheduler.options", "scheduler.parameters", "elastic.options", "elastic.filterTags"]);

function* settingsOf(map: YAMLMap, above: readonly string[]): Generator<[string, GivenSetting]> {
  for (const pair of map.items) {
    if (!isPair(pair) || !isScalar(pair.key)) continue;
    const path = [...above, String(pair.key.value)];
    if (path[0] === "machine") continue;
    if (isMap(pair.value) && !RECORDS.has(path.join("."))) yield* settingsOf(pair.value, path);
    else yield [path.join("."), { value: toValue(pair), comments: commentsOf(pair) }];
  }
}

function toValue({ value }: Pair): unknown {
  const isNode = typeof value === "object" && value !== null && "toJSON" in value;
  return isNode && typeof value.toJSON === "function" ? value.toJSON() : value;
}

/** Comments in front of a setting, behind it, and in front of what it holds. */
function commentsOf({ key, value }: Pair): string[] {
  const before = isScalar(key) ? key.commentBefore : null;
  const inside =
    isMap(value) && isPair(value.items[0]) && isScalar(value.items[0].key) ? value.items[0].key.commentBefore : null;
  const holder = isMap(value) || isScalar(value) ? value : null;
  return [before, holder?.commentBefore, inside, holder?.comment].flatMap((text) =>
    typeof text === "string" ? text.split("\n").map((line) => line.trim()) : [],
  );
}
