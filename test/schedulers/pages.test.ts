import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import {
  BATCH_KINDS,
  type BatchKind,
  schedulerCommands,
  schedulerOptions,
  schedulerTemplate,
} from "../../src/platform/schedulers/open-scheduler.ts";

const page = (name: string) => readFileSync(new URL(`../../docs/clusters/${name}.md`, import.meta.url), "utf8");
const pageOf = (kind: BatchKind) => page(kind === "sge" ? "grid-engine" : kind);
const defaults = (kind: BatchKind) => Object.keys(schedulerOptions(kind).parse({}) as object);

it.each(BATCH_KINDS)("%s has a page that names its options and the commands it runs", (kind) => {
  const text = pageOf(kind);
  expect(defaults(kind).filter((option) => !text.includes(`\`${option}\``))).toEqual([]);
  expect(schedulerCommands(kind).filter((command) => !text.includes(`\`${command}`))).toEqual([]);
});

it.each(BATCH_KINDS)("%s has a built-in template that uses all its options", (kind) => {
  const template = schedulerTemplate(kind);
  // These are parts of one directive.
  const combined = ["dependsOn", "dependsWhen", "slotsPerNode"];
  expect(defaults(kind).filter((option) => !combined.includes(option) && !template.includes(option))).toEqual([]);
  expect(template).toMatch(/dependenc/);
});

it("names in the page about templates what a template may use", () => {
  const text = page("templates");
  for (const name of [
    "nodes",
    "wallTimeMin",
    "wallTime",
    "queue",
    "project",
    "name",
    "key",
    "directory",
    "output",
    "preamble",
    "extra",
    "environment",
    "command",
  ])
    expect(text).toContain(`\`${name}\``);
});
