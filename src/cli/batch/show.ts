import type { BatchJob } from "../../client/wire/entities.ts";
import type { Cli } from "../cli.ts";
import type { Paint } from "../terminal/colour.ts";
import { formatFields, formatPairs } from "../terminal/fields.ts";
import { formatMinutes, formatTime } from "../terminal/times.ts";
import { batchStateStyle } from "./columns.ts";
import { selectBatchJob } from "./select.ts";

/** `conifer batch show` */
export async function showBatchJob(cli: Cli, _options: object, selector: string): Promise<void> {
  const conifer = await cli.conifer();
  const batchJob = await conifer.batchJobs.get(await selectBatchJob(cli, selector));
  cli.terminal.answer(batchJob, () => formatBatchJob(batchJob, cli.terminal.paint));
}

/** A batch job as a block of lines. */
export function formatBatchJob(one: BatchJob, paint: Paint): string {
  return formatFields(
    [
      ["batch job", one.id, "bold"],
      ["site", one.site],
      ["state", one.state, batchStateStyle(one.state)],
      ["reason", one.reason],
      ["scheduler id", one.schedulerId],
      ["asked by", one.origin === "elastic" ? "the elastic queue" : "a user"],
      ["queue", one.queue],
      ["project", one.project],
      ["nodes", one.nodes],
      ["wall time", formatMinutes(one.wallTimeMin)],
      ["takes jobs with", formatPairs(one.filterTags)],
      ["options", formatPairs(one.options)],
      ["created", formatTime(one.created)],
      ["started", one.started === null ? null : formatTime(one.started)],
      [one.state === "running" ? "time is over" : "expected to start", one.expected && formatTime(one.expected)],
      ["ended", one.ended === null ? null : formatTime(one.ended)],
    ],
    paint,
  );
}
