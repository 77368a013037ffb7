import { ConiferError } from "../../model/errors.ts";

/** Fills `:id` of a route and appends the query; a list repeats its name, undefined is left out. */
export function fillPath(route: string, id: number | undefined, query: Readonly<Record<string, unknown>> = {}): string {
  const path = route.replace(":id", () => {
    if (id === undefined)
      throw new ConiferError("BAD_INPUT", { where: `params of ${route}`, problem: "id is missing" });
    return encodeURIComponent(String(id));
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null) continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  const text = search.toString();
  return text === "" ? path : `${path}?${text}`;
}
