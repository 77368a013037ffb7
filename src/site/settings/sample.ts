import { stringify } from "yaml";
import { settingEntries } from "./reference.ts";

/** settings.yml with every setting at its default, commented out, under what it means; `name` is set where given. */
export function sampleSettings(options: { readonly name?: string } = {}): string {
  const lines = ["# Settings of a site. Every line that is commented out shows the default.", ""];
  for (const { path, help, default: value, isSection } of settingEntries()) {
    const key = path.at(-1) ?? "";
    const indent = "  ".repeat(path.length - 1);
    lines.push(...(path.length === 1 && isSection ? [""] : []), `${indent}# ${help}`);
    if (isSection) lines.push(`${indent}${key}:`);
    else if (key === "name" && options.name !== undefined) lines.push(stringify({ name: options.name }).trim());
    else lines.push(`${indent}# ${key}: ${stringify(value, { collectionStyle: "flow" }).trim()}`);
  }
  return `${lines.join("\n")}\n`;
}
