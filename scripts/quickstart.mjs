// `npm run quickstart`: from a fresh clone to a finished campaign, with the very commands a user would type.
//   npm run quickstart -- [--jobs N] [--keep] [--folder DIR]
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuilt, ensureInstalled, root } from "./ensure.mjs";

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "100" },
    keep: { type: "boolean", default: false },
    folder: { type: "string" },
  },
});
const began = Date.now();
ensureInstalled();
ensureBuilt();

const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[:T]/g, "-");
const folder = resolve(values.folder ?? `quickstart-${stamp}`);
const site = join(folder, "site");
mkdirSync(folder, { recursive: true });
const env = { ...process.env, CONIFER_HOME: join(folder, "home") };
for (const name of Object.keys(env)) if (name.startsWith("CONIFER_") && name !== "CONIFER_HOME") delete env[name];
// It runs here, whatever scheduler there may be.
env.CONIFER_MACHINE = "laptop";

const seen = (text) => relative(process.cwd(), text) || ".";
function conifer(...args) {
  console.log(`\n$ conifer ${args.map((word) => (word.startsWith(folder) ? seen(word) : word)).join(" ")}`);
  const result = spawnSync(process.execPath, [join(root, "bin/conifer.js"), ...args], {
    cwd: folder,
    env,
    stdio: "inherit",
  });
  if (result.status !== 0) throw new Error(`conifer ${args[0]} ended with ${result.signal ?? `code ${result.status}`}`);
}

function stopAll() {
  for (const args of [
    ["site", "stop", site, "--pilots"],
    ["server", "stop"],
  ]) {
    spawnSync(process.execPath, [join(root, "bin/conifer.js"), ...args], { cwd: folder, env, stdio: "ignore" });
  }
}
let stopping = false;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    if (!values.keep) stopAll();
    process.exit(130);
  });
}

try {
  conifer("server", "start");
  conifer("site", "init", site, "--name", "quickstart");
  cpSync(join(root, "examples/event-generation/apps"), join(site, "apps"), { recursive: true });
  conifer("app", "sync", "--site", "quickstart");
  conifer("site", "start", site);
  console.log(`\n$ node examples/event-generation/campaign.mjs --jobs ${values.jobs}`);
  await program(join(root, "examples/event-generation/campaign.mjs"), "--site", "quickstart", "--jobs", values.jobs);
  conifer("batch", "submit", "--site", "quickstart", "--nodes", "1", "--wall-time", "10m");
  conifer("job", "wait", "workflow=event-generation", "--progress");
  const merged = join(site, "data", mergeWorkdir());
  conifer(
    "report",
    "workflow=event-generation",
    "--out",
    join(folder, "report"),
    "--title",
    "e+ e- → μ+ μ- event generation",
    "--figure",
    join(merged, "histogram.svg"),
    "--log",
    join(merged, "job.out"),
  );
  const results = JSON.parse(readFileSync(join(merged, "results.json"), "utf8"));
  console.log(`\n${readFileSync(join(merged, "job.out"), "utf8").trim()}`);
  console.log(
    `\nDone in ${((Date.now() - began) / 1000).toFixed(0)} s. The report with the pictures: ${seen(join(folder, "report/index.html"))}`,
  );
  if (Math.abs(results.crossSection?.pull ?? results.pull) > 5)
    throw new Error("the measured cross section is more than 5 sigma off the exact one");
  next();
} catch (error) {
  console.error(`\nquickstart: ${error.message}`);
  process.exitCode = 1;
} finally {
  if (values.keep)
    console.log(
      `\nThe server and the site go on running. To end them: conifer site stop ${seen(site)} --pilots && conifer server stop`,
    );
  else stopAll();
}

function mergeWorkdir() {
  const answer = spawnSync(
    process.execPath,
    [join(root, "bin/conifer.js"), "job", "ls", "app=merge", "workflow=event-generation", "--json"],
    { cwd: folder, env, encoding: "utf8" },
  );
  return JSON.parse(answer.stdout).items[0].workdir;
}

function program(...args) {
  return new Promise((done, fail) => {
    spawn(process.execPath, args, { cwd: folder, env, stdio: "inherit" })
      .on("error", fail)
      .on("exit", (code) => (code === 0 ? done() : fail(new Error(`${seen(args[0])} ended with code ${code}`))));
  });
}

function next() {
  const prefix = `CONIFER_HOME=${seen(env.CONIFER_HOME)} bin/conifer.js`;
  const start = values.keep ? `${prefix} run --site quickstart --wait -- hostname` : `${prefix} server start`;
  console.log("\nThree commands to try next:");
  console.log(
    `  ${start}     ${values.keep ? "your own command as a job" : "the server again, with everything that was done"}`,
  );
  console.log(`  ${prefix} job ls --by-state     what became of the jobs`);
  console.log(`  ${prefix} job history last      every step of the last job's life`);
}
