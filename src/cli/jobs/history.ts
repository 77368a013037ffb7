import type { JobEvent } from "../../client/wire/entities.ts";
import type { Cli } from "../cli.ts";
import { selectIdList } from "../select/selection.ts";
import { type Paint, stateStyle } from "../terminal/colour.ts";
import { clean } from "../terminal/text.ts";
import { formatTime } from "../terminal/times.ts";

/** `conifer job history` */
export async function showHistory(cli: Cli, _options: object, selectors: readonly string[]): Promise<void> {
  const conifer = await cli.conifer();
  const ids = await selectIdList(cli, selectors, "job history");
  const items: JobEvent[] = [];
  for (const id of ids) items.push(...(await conifer.jobs.handle(id).history()));
  cli.terminal.answer({ items }, () =>
    items.map((event) => `${formatEvent(event, cli.terminal.paint, ids.length > 1)}\n`).join(""),
  );
}

/** One step on one line: when, what, why; with its job's id where several are shown. */
export function formatEvent(event: JobEvent, paint: Paint, withId: boolean): string {
  const states = event.path.map((state) => paint(stateStyle(state), state));
  const { reason, exitCode, signal, node } = event.data;
  const said = typeof reason === "string" ? reason : "";
  const adds = (text: string) => (said.includes(text) ? "" : text);
  const words = [
    said,
    typeof exitCode === "number" && exitCode !== 0 ? adds(`exit code ${exitCode}`) : "",
    typeof signal === "string" ? adds(`signal ${signal}`) : "",
    typeof node === "string" && event.path.includes("RUNNING") ? `on ${node}` : "",
    event.stale ? "(came too late, nothing was changed)" : "",
  ].filter((word) => word !== "");
  const attempt = event.attempt > 0 ? `#${event.attempt}` : "";
  const parts = [
    paint("dim", formatTime(event.at)),
    withId ? `job ${event.jobId}` : "",
    [event.from, ...states].join(" → "),
    paint("dim", attempt),
    clean(words.join("; ")),
  ];
  const tail = typeof event.data.stderrTail === "string" ? formatTail(event.data.stderrTail, paint) : "";
  return parts.filter((part) => part !== "").join("  ") + tail;
}

function formatTail(text: string, paint: Paint): string {
  const lines = text
    .trimEnd()
    .split("\n")
    .filter((line) => line !== "");
  return lines.map((line) => `\n    ${paint("dim", `| ${clean(line)}`)}`).join("");
}
