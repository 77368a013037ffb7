import { wakeUps } from "../../client/wait/wake-ups.ts";
import type { JobEvent } from "../../client/wire/entities.ts";
import type { Cli } from "../cli.ts";
import { formatEvent } from "../jobs/history.ts";
import { siteFilter } from "../select/selection.ts";

/** Ids are given before a transaction commits, so one that commits late shows up behind the newest: look back this far. */
const LOOK_BACK = 1000;
const PAGE = 1000;

/** `conifer events`; with JSON and --follow one event a line. */
export async function showEvents(
  cli: Cli,
  options: { follow?: boolean; site?: string; lines?: number },
): Promise<void> {
  const where = await siteFilter(cli, options.site);
  const lines = options.lines ?? (options.follow ? 0 : 20);
  const { newest, recent } = await latest(cli, where, lines);
  if (!options.follow) {
    cli.terminal.answer({ items: recent }, () => recent.map((event) => lineOf(cli, event)).join(""));
    if (recent.length === 0) cli.terminal.note("no events");
    return;
  }
  for (const event of recent) print(cli, event);
  await follow(cli, where, newest);
}

async function latest(
  cli: Cli,
  where: readonly string[],
  lines: number,
): Promise<{ newest: number; recent: readonly JobEvent[] }> {
  const { client } = await cli.conifer();
  const query = { where: [...where], order: "-id", limit: Math.max(1, lines) };
  const { items } = await client.call("eventList", { query });
  return { newest: items[0]?.id ?? 0, recent: lines === 0 ? [] : [...items].reverse() };
}

async function follow(cli: Cli, where: readonly string[], from: number): Promise<void> {
  const { client } = await cli.conifer();
  let newest = from;
  let seen = new Set<number>();
  for await (const _ of wakeUps(client, { signal: cli.signal, pollMs: 2_000 })) {
    const since = Math.max(from, newest - LOOK_BACK);
    let after: string | null | undefined;
    while (after !== null) {
      const query = {
        where: [...where, `id>${since}`],
        order: "id",
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      };
      const page = await client.call("eventList", { query, signal: cli.signal });
      for (const event of page.items) {
        if (seen.has(event.id)) continue;
        seen.add(event.id);
        newest = Math.max(newest, event.id);
        print(cli, event);
      }
      after = page.next;
    }
    const oldest = newest - LOOK_BACK;
    seen = new Set([...seen].filter((id) => id > oldest));
  }
}

const lineOf = (cli: Cli, event: JobEvent): string => `${formatEvent(event, cli.terminal.paint, true)}\n`;

function print(cli: Cli, event: JobEvent): void {
  cli.terminal.copy(cli.terminal.json ? `${JSON.stringify(event)}\n` : lineOf(cli, event));
}
