import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job, JobCreate } from "../../src/client/wire/entities.ts";
import { Installation } from "../setup/installation.ts";

/** Shell text that leaves a file behind wherever any of it is executed. */
const ATTACKS = [
  "$(touch pwned)",
  "`touch pwned`",
  "; touch pwned;",
  "&& touch pwned &&",
  "| touch pwned |",
  "\ntouch pwned\n",
  "\r\ntouch pwned\r\n",
  "' ; touch pwned ; '",
  '" ; touch pwned ; "',
  "'$(touch pwned)'",
  "\\'; touch pwned; \\'",
  "'\"'\"'; touch pwned #",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: shell text
  "${IFS}touch${IFS}pwned",
  "> pwned",
  ">> pwned <<< x",
  "{{job.id}} {{ a }}",
  "%s %n \\c \\0",
  "* ? [a-z] ~ !! !touch",
  "-n",
  "--",
  "",
  " ",
  "#",
  "=x",
  "a=b",
  "\\",
  "\u0001\u007f\t\b",
  "ü 漢字 😀 \u2028 \u202e",
  "x".repeat(100_000),
];

let installation: Installation;
beforeAll(async () => {
  installation = await Installation.open({
    apps: [
      {
        name: "print",
        // Where a user would put them: bare, twice, in a list, after a preamble that has some too.
        preamble: "printf '%s\\0' {{a}} > preamble",
        command:
          "printf '%s\\0' {{a}} {{b}} {{list}} {{job.name}} \"$FROM_APP\" \"$FROM_JOB\"; printf '%s\\0' {{a}} > again",
        parameters: { a: { type: "string" }, b: { type: "string" }, list: { type: "any", default: [] } },
        environment: { FROM_APP: ATTACKS.join(" ").slice(0, 2000) },
      },
    ],
  });
  await installation.startAgent();
  await installation.submit();
});
afterAll(() => installation?.[Symbol.asyncDispose]());

/** Runs the jobs and looks at what their commands were given. */
async function expectPrinted(jobs: readonly JobCreate[]): Promise<void> {
  const ids = await installation.create(...jobs);
  for (const [index, id] of ids.entries()) {
    const job = await installation.untilState(id, "JOB_FINISHED", "FAILED");
    expect({ index, state: job.state, reason: job.reason }).toEqual({ index, state: "JOB_FINISHED", reason: "" });
    const given = jobs[index];
    const { a = "", b = "", list = [] } = given?.parameters ?? {};
    const words = [a, b, ...(Array.isArray(list) ? list : [list]), given?.name ?? "", ATTACKS.join(" ").slice(0, 2000)];
    expect(file(job, "job.out").split("\0")).toEqual([...words.map(String), given?.environment?.FROM_JOB ?? "", ""]);
    expect(file(job, "preamble")).toBe(`${a}\0`);
    expect(file(job, "again")).toBe(`${a}\0`);
    expect(readdirSync(workdir(job)).sort()).toEqual(["again", "job.err", "job.out", "preamble"]);
  }
  expect(existsSync(join(installation.site, "data", "pwned"))).toBe(false);
  expect(existsSync(join(installation.site, "pwned"))).toBe(false);
}

const workdir = (job: Job): string => join(installation.site, "data", job.workdir);
const file = (job: Job, name: string): string => installation.read(join("data", job.workdir, name));

describe("shell text in everything a job is given", { timeout: 120_000 }, () => {
  it("reaches the command as it is, and none of it executes", async () => {
    await expectPrinted(
      ATTACKS.map((attack, index) => ({
        app: "print",
        name: attack.slice(0, 200),
        workflow: attack.slice(0, 200),
        tags: { attack: attack.slice(0, 200) },
        parameters: { a: attack, b: ATTACKS.at(-1 - index) ?? "", list: [attack.slice(0, 500), "", "$(touch pwned)"] },
        environment: { FROM_JOB: attack.slice(0, 1000) },
      })),
    );
  });

  it("made at random does so too", async () => {
    const character = fc.oneof(
      fc.constantFrom(..."'\"`$\\;&|<>(){}[]*?!#~ \n\t=%-", "${", "$(", "))", "'\\''", "{{a}}"),
      fc.string({ unit: "grapheme", maxLength: 3 }).filter((text) => !text.includes("\0")),
    );
    const text = fc.array(character, { maxLength: 40 }).map((parts) => parts.join(""));
    const job = fc.record({ a: text, b: text, list: fc.array(text, { maxLength: 3 }) });
    const sample = fc.sample(job, { numRuns: 60, seed: 20_261_120 });
    await expectPrinted(sample.map((parameters) => ({ app: "print", name: "", parameters })));
  });
});
