import { type ModuleReport, siteStatus } from "../../site/index.ts";
import type { Cli } from "../cli.ts";
import type { Style } from "../terminal/colour.ts";
import { formatFields } from "../terminal/fields.ts";
import { formatTable } from "../terminal/table.ts";
import { formatAgo } from "../terminal/times.ts";
import { siteDirectory } from "./which.ts";

const STYLES: Record<ModuleReport["state"], Style> = {
  running: "green",
  waiting: "dim",
  restarting: "red",
  off: "dim",
};

/** `conifer site status` */
export async function showSite(cli: Cli, _options: object, named?: string): Promise<void> {
  const status = await siteStatus({ directory: await siteDirectory(cli, named) });
  const { paint, width } = cli.terminal;
  cli.terminal.answer(status, ({ agent, report, pilots }) => {
    const said = agent
      ? `process ${agent.pid} on ${agent.host}, started ${formatAgo(agent.startedAt)}`
      : "does not run: conifer site start";
    const head = formatFields(
      [
        ["site", status.name, "bold"],
        ["directory", status.directory],
        ["server", status.address],
        ["agent", said, agent ? "green" : "red"],
        ["told", report === null ? null : formatAgo(report.at)],
        ["batch jobs", report === null ? null : `${report.batch.queued} queued, ${report.batch.running} running`],
        ["paused", report?.batch.paused, "yellow"],
        ["elastic queue", report?.elastic?.why],
        ...(report?.problems ?? []).map((problem) => ["problem", problem, "red"] as const),
        ...pilots.map(
          (one) => [`pilot ${one.batchJobId}`, `${one.state}${one.pid ? `, process ${one.pid}` : ""}`] as const,
        ),
      ],
      paint,
    );
    if (report === null || report.modules.length === 0) return head;
    const table = formatTable<ModuleReport>(
      [
        { title: "MODULE", value: (one) => one.name },
        { title: "STATE", value: (one) => one.state, style: (one) => STYLES[one.state] },
        { title: "SINCE", value: (one) => formatAgo(one.since), drop: 3 },
        { title: "RESTARTS", value: (one) => one.restarts, align: "right", drop: 2 },
        {
          title: "DOES",
          value: (one) => (one.lastFault ? `${one.text}; last fault: ${one.lastFault}` : one.text),
          least: 10,
        },
      ],
      report.modules,
      { width, paint },
    );
    return `${head}\n${table}`;
  });
  if (!status.agentIsHere && status.agent) cli.terminal.note("(it runs on another host; this is what it wrote down)");
}
