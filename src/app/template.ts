import { ConiferError } from "../model/errors.ts";
import { quote } from "./quote.ts";

/**
 * Command templates. `{{name}}` becomes the parameter's value, quoted as one shell word (a list becomes one word per
 * entry); `{{name|raw}}` puts it in as it stands, for a parameter that is meant to be shell text. `{{job.id}}`,
 * `{{job.name}}`, `{{job.attempt}}` and `{{job.workdir}}` tell the command about its own job.
 */
export type ParameterValue = string | number | boolean | null | readonly (string | number | boolean)[];
export type JobFacts = {
  readonly id: number;
  readonly name: string;
  readonly attempt: number;
  readonly workdir: string;
};

const JOB_FACTS = ["job.id", "job.name", "job.attempt", "job.workdir"];
const PLACE = /\{\{\s*([^{}|]*?)\s*(?:\|\s*([^{}]*?)\s*)?\}\}/g;

/** Names of the parameters a template uses, in order of first use; throws on a place that does not read. */
export function templateParameters(template: string, where: string): string[] {
  const names = new Set<string>();
  for (const [whole, name = "", filter] of template.matchAll(PLACE)) {
    if (filter !== undefined && filter !== "raw")
      throw new ConiferError("BAD_TEMPLATE", { where, problem: `${whole} has a filter other than raw` });
    if (JOB_FACTS.includes(name)) continue;
    if (!/^[A-Za-z_]\w*$/.test(name))
      throw new ConiferError("BAD_TEMPLATE", { where, problem: `${whole} is not a parameter` });
    names.add(name);
  }
  const left = template.replace(PLACE, "");
  const stray = /\{\{|\}\}/.exec(left);
  if (stray) throw new ConiferError("BAD_TEMPLATE", { where, problem: `${stray[0]} without its other half` });
  return [...names];
}

/** Fills a template; every parameter it uses must have a value. */
export function renderTemplate(
  template: string,
  values: Readonly<Record<string, ParameterValue>>,
  job: JobFacts,
): string {
  const facts: Record<string, ParameterValue> = {
    "job.id": job.id,
    "job.name": job.name,
    "job.attempt": job.attempt,
    "job.workdir": job.workdir,
  };
  return template.replace(PLACE, (_whole, name: string, filter: string | undefined) => {
    const value = Object.hasOwn(facts, name) ? facts[name] : Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined)
      throw new ConiferError("MISSING_PARAMETER", { where: `job ${job.id}`, app: "its app", parameter: name });
    const words = (Array.isArray(value) ? value : [value]).map((word) => (word === null ? "" : String(word)));
    return words.map((word) => (filter === "raw" ? word : quote(word))).join(" ");
  });
}
