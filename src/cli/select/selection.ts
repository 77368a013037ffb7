import { conditionFilters } from "../../client/jobs/conditions.ts";
import { ConiferError } from "../../model/errors.ts";
import { jobFields, parseFilter } from "../../model/filter.ts";
import { expandIdSet, looksLikeIdSet, parseIdSet } from "../../model/id-set.ts";
import { JOB_STATES } from "../../model/states.ts";
import type { Cli } from "../cli.ts";
import { pairs } from "../tree/values.ts";

/** What a command line says of jobs, besides its arguments. The same for ls, wait, modify, kill, retry, rm and report. */
export type SelectOptions = {
  readonly state?: string;
  readonly tag?: readonly string[];
  readonly app?: string;
  readonly name?: string;
  readonly workflow?: string;
  readonly workdir?: string;
  readonly site?: string;
};
/** Jobs by ids or by filters; `where` may be empty only where nothing had to be named. */
export type Selection =
  | { readonly kind: "ids"; readonly ids: readonly number[] }
  | { readonly kind: "where"; readonly where: readonly string[] };

/** More ids than this in one range are a filter rather than a list. */
const LISTED_IDS = 1000;

type Words = { readonly ids: readonly string[]; readonly filters: readonly string[]; readonly isAll: boolean };

/** Reads selectors (`12`, `5-9`, `last`, `all`, filters) and options. `command` names it in errors; null where nothing needs to be named. */
export async function selectJobs(
  cli: Cli,
  texts: readonly string[],
  options: SelectOptions & { readonly command: string | null },
): Promise<Selection> {
  const words = readWords(texts);
  const chosen = [...words.filters, ...optionFilters(options)];
  const namesSite = options.site !== undefined && options.site !== "all";
  if (options.command !== null && texts.length === 0 && chosen.length === 0)
    throw new ConiferError("NOTHING_NAMED", { command: options.command });
  const ids = words.ids.filter((text) => text !== "last");
  if (ids.length > 0 && ids.length === words.ids.length && chosen.length === 0 && !namesSite && !words.isAll)
    return selectIds(ids);
  const where = [...chosen, ...(await siteFilter(cli, options.site))];
  if (words.ids.includes("last")) return { kind: "ids", ids: [await lastJob(cli, where)] };
  if (ids.length > 0) return { kind: "where", where: [...toWhere(selectIds(ids)), ...where] };
  return { kind: "where", where: where.length === 0 && options.command !== null ? ["id>0"] : where };
}

/** A selection as filters, for what is read by address; throws BAD_ID_SET where that would be too long. */
export function toWhere(selection: Selection): readonly string[] {
  if (selection.kind === "where") return selection.where;
  const { ids } = selection;
  if (ids.length <= LISTED_IDS) return [`id=${ids.join(",")}`];
  throw new ConiferError("BAD_ID_SET", {
    text: `${ids[0]}…`,
    problem: `it names ${ids.length} single ids, more than ${LISTED_IDS}; write a range or a filter`,
  });
}

/** The ids of exactly the jobs named, for commands that show them one by one. */
export async function selectIdList(
  cli: Cli,
  texts: readonly string[],
  command: string,
  most = 1000,
): Promise<number[]> {
  const selection = await selectJobs(cli, texts, { command });
  if (selection.kind === "ids") return [...selection.ids];
  const conifer = await cli.conifer();
  return conifer.jobs
    .filter(...selection.where)
    .limit(most)
    .ids();
}

/** The one job named. */
export async function selectOne(cli: Cli, text: string, command: string): Promise<number> {
  const ids = await selectIdList(cli, [text], command, 2);
  const [id] = ids;
  if (id !== undefined && ids.length === 1) return id;
  if (id === undefined) throw new ConiferError("NOT_FOUND", { kind: "job", name: text, list: "job" });
  throw new ConiferError("BAD_INPUT", { where: command, problem: `${text} names several jobs; name one` });
}

/** The filter for --site: a name or names, `all`, or by default the site somebody is in. */
export async function siteFilter(cli: Cli, site: string | undefined): Promise<string[]> {
  if (site === "all") return [];
  if (site !== undefined && site !== "this") return [`site=${site}`];
  const here = await cli.here();
  if (here) return conditionFilters({ site: here.name });
  if (site === "this") throw new ConiferError("NO_SITE_HERE", { directory: cli.cwd });
  return [];
}

function readWords(texts: readonly string[]): Words {
  const ids: string[] = [];
  const filters: string[] = [];
  let isAll = false;
  for (const text of texts) {
    if (text.trim() === "all") isAll = true;
    else if (looksLikeIdSet(text)) ids.push(text.trim());
    else if (/[=~<>]/.test(text)) filters.push(checked(text));
    else throw new ConiferError("BAD_ID_SET", { text, problem: "it is neither ids nor a filter" });
  }
  return { ids, filters, isAll };
}

function optionFilters(options: SelectOptions): string[] {
  const { state, tag, app, name, workflow, workdir } = options;
  return [
    ...(state === undefined ? [] : [checked(state.startsWith("!") ? `state!=${state.slice(1)}` : `state=${state}`)]),
    ...conditionFilters({
      tags: pairs("--tag", tag),
      ...(app === undefined ? {} : { app: app.split(",") }),
      ...(name === undefined ? {} : { name: { contains: name } }),
      ...(workflow === undefined ? {} : { workflow }),
      ...(workdir === undefined ? {} : { workdir: { contains: workdir } }),
    }),
  ];
}

function checked(filter: string): string {
  parseFilter(filter, jobFields(JOB_STATES), Date.now());
  return filter;
}

function selectIds(texts: readonly string[]): Selection {
  const sets = texts.map(parseIdSet);
  const [only] = sets;
  if (sets.length === 1 && only?.kind === "ranges") {
    const [range, ...others] = only.ranges;
    if (range && others.length === 0 && range.step === 1 && range.last - range.first >= LISTED_IDS)
      return { kind: "where", where: [`id>=${range.first}`, `id<=${range.last}`] };
  }
  const ids = sets.flatMap((set) => (set.kind === "ranges" ? expandIdSet(set) : []));
  return { kind: "ids", ids: [...new Set(ids)] };
}

async function lastJob(cli: Cli, where: readonly string[]): Promise<number> {
  const conifer = await cli.conifer();
  const [id] = await conifer.jobs
    .filter(...where)
    .order("-id")
    .limit(1)
    .ids();
  if (id === undefined) throw new ConiferError("NOT_FOUND", { kind: "job", name: "last", list: "job" });
  return id;
}
