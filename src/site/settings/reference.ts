import { settingsSchema } from "./schema.ts";

/** One setting, or a section of them (then `default` is undefined), in the order of the file. */
export type SettingEntry = {
  readonly path: readonly string[];
  readonly help: string;
  readonly default: unknown;
  readonly isSection: boolean;
};

/** Every setting with its default and meaning, read from the schema; the sample file and the reference are made of it. */
export function settingEntries(): SettingEntry[] {
  return entriesOf(settingsSchema, settingsSchema.parse({}), []);
}

/** docs/settings.md's table. */
export function settingsReference(): string {
  const rows = settingEntries().map(({ path, help, default: value, isSection }) =>
    isSection
      ? `| **\`${path.join(".")}\`** | | ${help} |`
      : `| \`${path.join(".")}\` | \`${JSON.stringify(value)}\` | ${help.replaceAll("|", "\\|")} |`,
  );
  return ["| setting | default | meaning |", "|---|---|---|", ...rows, ""].join("\n");
}

function entriesOf(schema: unknown, defaults: unknown, above: readonly string[]): SettingEntry[] {
  const shape = shapeOf(schema);
  if (shape === null) return [];
  const values = typeof defaults === "object" && defaults !== null ? { ...defaults } : {};
  return Object.entries(shape).flatMap(([key, entry]) => {
    const path = [...above, key];
    const value = Reflect.get(values, key);
    const below = entriesOf(unwrapDefault(entry), value, path);
    return [
      { path, help: helpOf(entry), default: below.length > 0 ? undefined : value, isSection: below.length > 0 },
      ...below,
    ];
  });
}

function shapeOf(schema: unknown): Record<string, unknown> | null {
  if (typeof schema !== "object" || schema === null || !("shape" in schema)) return null;
  return typeof schema.shape === "object" && schema.shape !== null ? { ...schema.shape } : null;
}

function unwrapDefault(schema: unknown): unknown {
  return typeof schema === "object" && schema !== null && "unwrap" in schema && typeof schema.unwrap === "function"
    ? schema.unwrap()
    : schema;
}

function helpOf(schema: unknown): string {
  const isDescribed = typeof schema === "object" && schema !== null && "description" in schema;
  return isDescribed && typeof schema.description === "string" ? schema.description : "";
}
