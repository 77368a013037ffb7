import type { Explanation } from "../../client/jobs/handle.ts";
import type { Cli } from "../cli.ts";
import { selectIdList } from "../select/selection.ts";
import { stateStyle } from "../terminal/colour.ts";
import { clean } from "../terminal/text.ts";

/** Explaining asks the server job by job; for more, `status` says what most wait for. */
const MOST = 20;

/** `conifer job explain` */
export async function explainJobs(cli: Cli, _options: object, selectors: readonly string[]): Promise<void> {
  const conifer = await cli.conifer();
  const named = await selectIdList(cli, selectors, "job explain", MOST + 1);
  const ids = named.slice(0, MOST);
  const items: (Explanation & { job: number })[] = [];
  for (const id of ids) items.push({ job: id, ...(await conifer.jobs.handle(id).explain()) });
  const { paint } = cli.terminal;
  cli.terminal.answer({ items }, () =>
    items
      .map(({ job, state, summary, reasons, hints }) =>
        [
          `${paint("bold", `job ${job}`)} ${paint(stateStyle(state), state)}: ${clean(summary)}`,
          ...reasons.flatMap((reason) =>
            reason.split("\n").map((line, index) => `  ${index === 0 ? "-" : " "} ${clean(line)}`),
          ),
          ...hints.map((hint) => `  ${paint("yellow", "hint:")} ${clean(hint)}`),
          "",
        ].join("\n"),
      )
      .join(""),
  );
  if (named.length > MOST) cli.terminal.note(`(the first ${MOST})`);
}
