import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { openLab } from "./lab.ts";
import { type BenchOptions, median, type Row, row } from "./rows.ts";

/** How long the commands people type most take, from start to exit, beside an empty Node process. */
export async function measureCommandLine({ million }: BenchOptions): Promise<Row[]> {
  await using lab = await openLab();
  const count = million ? 1000 : 20;
  for (let batch = 0; batch < count; batch += 1) {
    await lab.client.call("jobCreate", {
      body: { jobs: Array.from({ length: 1000 }, () => ({ app: "true", site: lab.siteId })) },
    });
  }
  const time = (args: string[]) => {
    const runs = Array.from({ length: 7 }, () => {
      const began = performance.now();
      const result = spawnSync(process.execPath, args, {
        env: { ...process.env, CONIFER_HOME: lab.home },
        cwd: lab.home,
      });
      if (result.status !== 0) throw new Error(`${args.join(" ")}: ${result.stderr}`);
      return performance.now() - began;
    });
    return median(runs);
  };
  const program = join(process.cwd(), "bin/conifer.js");
  const empty = time(["-e", ""]);
  const help = time([program, "--help"]);
  const list = time([program, "job", "ls"]);
  const size = `${(count * 1000).toLocaleString("en")} jobs`;
  return [
    row({ name: "conifer --help", value: help, unit: "ms", baseline: empty, goal: "< 150 ms", ok: help < 150 }),
    row({
      name: `conifer job ls, ${size}`,
      value: list,
      unit: "ms",
      baseline: empty,
      goal: "< 400 ms",
      ok: list < 400,
    }),
  ];
}
