import { quoteFilterValue } from "../../model/filter.ts";
import type { JobState } from "../../model/states.ts";

type OneOrMany<T> = T | readonly T[];
type TextCondition = OneOrMany<string> | { readonly not: OneOrMany<string> } | { readonly contains: string };
type NumberCondition = OneOrMany<number> | ({ readonly not: OneOrMany<number> } | Bounds<number>);
type Moment = Date | string;
/** Bounds of a range; several hold together. */
export type Bounds<T> = { readonly gt?: T; readonly gte?: T; readonly lt?: T; readonly lte?: T };

/** What jobs must be, as an object; every entry must hold. The same can be written as filter texts (docs/filters.md). */
export type JobConditions = {
  readonly id?: NumberCondition;
  readonly state?: OneOrMany<JobState> | { readonly not: OneOrMany<JobState> };
  readonly app?: TextCondition;
  readonly site?: TextCondition;
  readonly name?: TextCondition;
  readonly workflow?: TextCondition;
  readonly workdir?: TextCondition;
  /** Tag by tag; `"*"` means that the job has the tag at all. */
  readonly tags?: Readonly<Record<string, OneOrMany<string> | { readonly not: OneOrMany<string> }>>;
  /** Top-level entries of the job's data. */
  readonly data?: Readonly<Record<string, OneOrMany<string | number | boolean>>>;
  readonly parent?: NumberCondition;
  readonly batchJob?: NumberCondition;
  readonly session?: NumberCondition;
  readonly priority?: NumberCondition;
  readonly attempt?: NumberCondition;
  readonly nodes?: NumberCondition;
  readonly ranksPerNode?: NumberCondition;
  readonly gpusPerRank?: NumberCondition;
  readonly wallTimeMin?: NumberCondition;
  readonly exitCode?: NumberCondition;
  /** Times are Dates, ISO texts, or ages such as `"-2h"`. */
  readonly created?: Bounds<Moment>;
  readonly updated?: Bounds<Moment>;
  readonly started?: Bounds<Moment>;
  readonly ended?: Bounds<Moment>;
};

const BOUNDS = { gt: ">", gte: ">=", lt: "<", lte: "<=" } as const;

/** The filter texts that say what the conditions say. */
export function conditionFilters(conditions: JobConditions): string[] {
  return Object.entries(conditions).flatMap(([field, condition]): string[] => {
    if (condition === undefined) return [];
    if (field !== "tags" && field !== "data") return fieldFilters(field, condition);
    return Object.entries(condition).flatMap(([key, entry]) => fieldFilters(`${field}.${quoteKey(key)}`, entry));
  });
}

type Plain = string | number | boolean;
type AnyCondition = OneOrMany<Plain> | { not?: OneOrMany<Plain>; contains?: string } | Bounds<number | Moment>;

function fieldFilters(field: string, condition: AnyCondition): string[] {
  if (typeof condition !== "object" || Array.isArray(condition))
    return [`${field}=${writeValues(condition as OneOrMany<Plain>)}`];
  const filters: string[] = [];
  if ("not" in condition && condition.not !== undefined) filters.push(`${field}!=${writeValues(condition.not)}`);
  if ("contains" in condition && condition.contains !== undefined)
    filters.push(`${field}~${quoteFilterValue(condition.contains)}`);
  for (const [name, op] of Object.entries(BOUNDS)) {
    const bound = (condition as Bounds<number | Moment>)[name as keyof typeof BOUNDS];
    if (bound !== undefined) filters.push(`${field}${op}${bound instanceof Date ? bound.toISOString() : bound}`);
  }
  return filters;
}

function writeValues(values: OneOrMany<Plain>): string {
  const list = Array.isArray(values) ? values : [values];
  return list.map((value: Plain) => (value === "*" ? "*" : quoteFilterValue(value))).join(",");
}

function quoteKey(key: string): string {
  return /^[^=!~<>"\s]+$/.test(key) ? key : `"${key.replace(/["\\]/g, "\\$&")}"`;
}
