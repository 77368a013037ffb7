/** A colour for each app of a run, in the order in which they first started. */
export interface AppColours {
  readonly legend: readonly { readonly name: string; readonly colour: string }[];
  readonly colourOf: (app: string) => string;
}

/** Distinct for the common kinds of colour blindness, calm on white, and none of them the red of a failure. */
const PALETTE = ["#3f6fa6", "#e0913a", "#4f9d79", "#8d6cab", "#4aa5b5", "#c9ae3c", "#d487b5", "#8a7560"];
const OTHER = "#9aa1ab";

/** Give the apps with the most busy time a colour of their own; if there are more than eight, the smallest share a grey. */
export function assignColours(
  intervals: readonly { readonly group: string; readonly startMs: number; readonly endMs: number }[],
): AppColours {
  const apps = new Map<string, { firstMs: number; busyMs: number }>();
  for (const { group, startMs, endMs } of intervals) {
    const app = apps.get(group);
    if (app === undefined) apps.set(group, { firstMs: startMs, busyMs: endMs - startMs });
    else {
      app.firstMs = Math.min(app.firstMs, startMs);
      app.busyMs += endMs - startMs;
    }
  }
  const room = apps.size > PALETTE.length ? PALETTE.length - 1 : PALETTE.length;
  const named = [...apps]
    .sort(([, a], [, b]) => b.busyMs - a.busyMs)
    .slice(0, room)
    .sort(([, a], [, b]) => a.firstMs - b.firstMs)
    .map(([name], index) => ({ name, colour: PALETTE[index] ?? OTHER }));
  const colours = new Map(named.map(({ name, colour }) => [name, colour]));
  const others = apps.size - named.length;
  return {
    legend: others > 0 ? [...named, { name: `${others} others`, colour: OTHER }] : named,
    colourOf: (app) => colours.get(app) ?? OTHER,
  };
}
