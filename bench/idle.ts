import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cpuSeconds, openLab, startPilot } from "./lab.ts";
import { type Row, row } from "./rows.ts";

const WINDOW_SEC = 30;
/** The server folds and vacuums for a minute after the last change; then it is idle. */
const SETTLE_SEC = 65;

/** CPU that a server, a site agent and a pilot with its node agent use together while nothing is to do, from a minute after the last change on. */
export async function measureIdle(): Promise<Row[]> {
  await using lab = await openLab();
  // A pilot with nothing to do leaves after a minute.
  const settings = join(lab.site, "settings.yml");
  writeFileSync(settings, readFileSync(settings, "utf8").replace("# idleSec: 60", "idleSec: 600"));
  await startPilot(lab);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_SEC * 1000));
  const server = await lab.serverPid();
  const ours = processesOf(lab.home);
  const pids = [...new Set([server, ...ours])];
  if (pids.length < 5) throw new Error(`only ${pids.length} processes are there: is the pilot gone?`);
  const sum = () => pids.reduce((total, pid) => total + cpuSeconds(pid), 0);
  const before = sum();
  await new Promise((resolve) => setTimeout(resolve, WINDOW_SEC * 1000));
  const percent = ((sum() - before) / WINDOW_SEC) * 100;
  return [
    row({
      name: `idle server, agent and pilot (${pids.length} processes)`,
      value: percent,
      unit: "% of a core",
      goal: "< 1 %",
      ok: percent < 1,
    }),
  ];
}

/** Every process whose command line or environment names the installation's home. */
function processesOf(home: string): number[] {
  const { stdout } = spawnSync("sh", ["-c", `grep -lsa -- "${home}" /proc/[0-9]*/environ /proc/[0-9]*/cmdline`], {
    encoding: "utf8",
  });
  return stdout
    .split("\n")
    .map((path) => Number(path.split("/")[2]))
    .filter((pid) => pid > 0 && pid !== process.pid);
}
