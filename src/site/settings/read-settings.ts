import { readFile } from "node:fs/promises";
import { ConiferError } from "../../model/errors.ts";
import { readYaml, type YamlProblem } from "../yaml/read-yaml.ts";
import { type Settings, settingsSchema } from "./schema.ts";

/** Reads settings.yml; a missing file has every default. Throws BAD_SETTINGS, which tells all problems, `file:line: problem` each. */
export async function readSettings(file: string): Promise<Settings> {
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return "";
    throw new ConiferError("BAD_SETTINGS", { file, line: 1, problem: cause.message }, { cause });
  });
  return parseSettings(text, file);
}

/** As `readSettings`, of a text; `file` names it in errors. */
export function parseSettings(text: string, file: string): Settings {
  const reading = readYaml(text, settingsSchema);
  const problems = reading.ok ? contradictions(reading.value, reading.lineOf) : reading.problems;
  const [first, ...others] = problems;
  if (reading.ok && first === undefined) return reading.value;
  const more = others.map(({ line, problem }) => `\n${file}:${line}: ${problem}`).join("");
  throw new ConiferError("BAD_SETTINGS", {
    file,
    line: first?.line ?? 1,
    problem: `${first?.problem}${more}`,
    problems,
  });
}

function contradictions(settings: Settings, lineOf: (path: readonly string[]) => number): YamlProblem[] {
  const { elastic, pilot } = settings;
  const custom: YamlProblem[] =
    pilot.mpi === "custom" && pilot.ranks.template.length === 0
      ? [
          {
            line: lineOf(["pilot", "mpi"]),
            problem: "pilot.mpi is custom, so pilot.ranks.template must hold its words",
          },
        ]
      : [];
  const pairs = [
    ["minNodes", "maxNodes"],
    ["minWallTimeMin", "maxWallTimeMin"],
  ] as const;
  const crossed = pairs
    .filter(([least, most]) => elastic[least] > elastic[most])
    .map(([least, most]) => ({
      line: lineOf(["elastic", least]),
      problem: `elastic.${least} is ${elastic[least]}, more than elastic.${most}, ${elastic[most]}`,
    }));
  return [...custom, ...crossed];
}
