import type { App } from "../../client/wire/entities.ts";
import { formatDuration } from "../../model/durations.ts";
import type { Cli } from "../cli.ts";
import type { Paint } from "../terminal/colour.ts";
import { formatFields, formatPairs } from "../terminal/fields.ts";
import { formatTable } from "../terminal/table.ts";
import { formatTime } from "../terminal/times.ts";
import { whereFrom } from "./find.ts";

/** `conifer app show` */
export async function showApp(cli: Cli, options: { site?: string }, name: string): Promise<void> {
  const app = await whereFrom(cli, await cli.conifer(), name, options.site);
  cli.terminal.answer(app, () => formatApp(app, cli.terminal.paint, cli.terminal.width));
}

function formatApp(app: App, paint: Paint, width: number | null): string {
  const { container } = app;
  const head = formatFields(
    [
      ["app", `${app.name} at ${app.site}`, "bold"],
      ["id", app.id],
      ["description", app.description],
      ["version", `${app.version}, ${formatTime(app.updated)}`],
      ["preamble", app.preamble],
      ["command", app.command, "cyan"],
      ["container", container === null ? null : [container.engine, container.image, ...container.options].join(" ")],
      ["environment", formatPairs(app.environment)],
      ["resources", formatPairs(app.resources)],
      ["time limit", app.limitSec === null ? null : formatDuration(app.limitSec)],
      ["attempts", app.maxAttempts],
      ["retried after", app.retryOn?.join(", ")],
      ["outputs", app.outputs.join(" ")],
      ["cleanup", app.cleanup.join(" ")],
      ["hooks", app.hooks.join(", ")],
    ],
    paint,
  );
  const parameters = Object.entries(app.parameters);
  if (parameters.length === 0) return head;
  const table = formatTable(
    [
      { title: "PARAMETER", value: ([name]) => name },
      { title: "TYPE", value: ([, one]) => one.type },
      {
        title: "DEFAULT",
        value: ([, one]) => (one.default === undefined ? "(required)" : JSON.stringify(one.default)),
        least: 8,
      },
      { title: "HELP", value: ([, one]) => one.help || null, least: 8, drop: 1 },
    ],
    parameters,
    { width, paint },
  );
  return `${head}\n${table}`;
}
