/**
 * PostgreSQL's text form of arrays: `{1,NULL,"a \"b\"",{…}}`.
 * Source: https://www.postgresql.org/docs/15/arrays.html#ARRAYS-IO
 */

/** Parses an array's text; unquoted NULL becomes null, nested arrays become nested arrays. */
export function parseArray(text: string, element: (text: string) => unknown): unknown[] {
  // Explicit bounds, `[0:2]={…}`, are dropped: JavaScript arrays start at 0.
  let at = text.indexOf("{");

  function readList(): unknown[] {
    const list: unknown[] = [];
    at += 1;
    while (text[at] !== "}") {
      if (at >= text.length) throw new Error(`unterminated array: ${text.slice(0, 100)}`);
      if (text[at] === ",") at += 1;
      else if (text[at] === "{") list.push(readList());
      else if (text[at] === '"') list.push(element(readQuoted()));
      else list.push(readPlain());
    }
    at += 1;
    return list;
  }

  function readQuoted(): string {
    let value = "";
    at += 1;
    while (text[at] !== '"') {
      if (at >= text.length) throw new Error(`unterminated string in an array: ${text.slice(0, 100)}`);
      if (text[at] === "\\") at += 1;
      value += text[at];
      at += 1;
    }
    at += 1;
    return value;
  }

  function readPlain(): unknown {
    const start = at;
    while (at < text.length && text[at] !== "," && text[at] !== "}") at += 1;
    const value = text.slice(start, at);
    return value === "NULL" ? null : element(value);
  }

  return readList();
}

/** Writes an array's text from elements that are already text, null, or nested lists of these. */
export function formatArray(elements: readonly ArrayElement[]): string {
  return `{${elements.map(formatElement).join(",")}}`;
}

export type ArrayElement = string | number | null | readonly ArrayElement[];

function formatElement(value: ArrayElement): string {
  if (value === null) return "NULL";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return `"${value.replace(/["\\]/g, "\\$&")}"`;
  return formatArray(value);
}
