/** Rows for one statement: a parent may have half a million children, and a statement of all is tens of megabytes. */
const MOST_ROWS = 5_000;

/** Cuts rows into the parts that go into one statement each, in their order. */
export function* chunksOf<T>(rows: readonly T[], most = MOST_ROWS): Generator<readonly T[]> {
  if (rows.length <= most) yield rows;
  else for (let from = 0; from < rows.length; from += most) yield rows.slice(from, from + most);
}
