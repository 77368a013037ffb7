import { ConiferError } from "../../../model/errors.ts";
import type { Ordering } from "../../../model/filter.ts";
import { readCursor } from "./cursor.ts";
import type { Key } from "./merge.ts";
import { type JobQuery, parseJobQuery, readOrdering } from "./plan.ts";

export type ListRequest = {
  readonly where: readonly string[];
  readonly order?: string | undefined;
  readonly after?: string | undefined;
};

/** Reads a list's filters, order and cursor. Ages in filters are counted from the time of the first page. */
export function readListRequest(
  request: ListRequest,
  now: number,
): JobQuery & { readonly after: readonly Key[] | null; readonly now: number } {
  const ordering: Ordering[] = readOrdering(request.order);
  const cursor = request.after === undefined ? null : readCursor(request.after, ordering);
  const since = cursor?.now ?? now;
  return { ...parseJobQuery(request.where, request.order, since), after: cursor?.keys ?? null, now: since };
}

/** What a selection names: ids, or what filters find. Neither or both is an error, so that nothing never means everything. */
export function readSelection(
  { ids, where }: { ids?: readonly number[] | undefined; where?: readonly string[] | undefined },
  now: number,
): { readonly ids: readonly number[] } | { readonly query: JobQuery } {
  if ((ids === undefined) === (where === undefined))
    throw new ConiferError("BAD_INPUT", { where: "body", problem: 'expected either "ids" or "where"' });
  if (ids !== undefined) return { ids: [...new Set(ids)] };
  return { query: parseJobQuery(where ?? [], undefined, now) };
}
