/** Apps in containers, by a real Podman with an image made here: there is no registry to ask. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Installation } from "../setup/installation.ts";

const place = mkdtempSync(join(tmpdir(), "conifer-container-"));
const image = "localhost/conifer-test:1";

beforeAll(() => {
  // Here nobody may raise limits, and only runc takes this kernel's mix of control groups.
  const settings = join(place, "containers.conf");
  const limits = 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]';
  writeFileSync(settings, `[containers]\n${limits}\n[engine]\nruntime = "runc"\n`);
  process.env.CONTAINERS_CONF = settings;
  const root = join(place, "root");
  for (const folder of ["bin", "etc"]) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync("/bin/busybox", join(root, "bin/busybox"));
  for (const name of ["sh", "cat", "echo", "pwd", "sleep"]) symlinkSync("busybox", join(root, "bin", name));
  writeFileSync(join(root, "etc/where"), "inside\n");
  execFileSync("sh", ["-c", 'tar -C "$1" -c . | podman import - "$2"', "import", root, image], { stdio: "ignore" });
});
afterAll(() => {
  execFileSync("podman", ["rmi", "-f", image], { stdio: "ignore" });
  rmSync(place, { recursive: true });
});

test("an app in a container works in its workdir, with its environment, and a kill leaves nothing of it", async () => {
  await using lab = await Installation.open();
  const container = { engine: "podman" as const, image, options: [] };
  await lab.register([
    {
      name: "inside",
      command: "cat /etc/where; pwd; echo $GREETING {{who}} > made",
      parameters: { who: {} },
      container,
    },
    { name: "long", command: "echo begun; sleep 600", container },
    { name: "failing", command: "echo oh no >&2; exit 7", container },
  ]);
  await lab.startAgent();
  const environment = { GREETING: "good day" };
  const [inside = 0, long = 0, failing = 0] = await lab.create(
    { app: "inside", parameters: { who: "it's $HOME" }, environment },
    { app: "long" },
    { app: "failing" },
  );
  await lab.submit({ wallTimeMin: 10 });

  const job = await lab.untilState(inside, "JOB_FINISHED", "FAILED");
  expect(job.reason + lab.read(`data/${job.workdir}/job.err`)).toBe("");
  expect(lab.read(`data/${job.workdir}/job.out`)).toBe(`inside\n${join(lab.directory, "site/data", job.workdir)}\n`);
  expect(lab.read(`data/${job.workdir}/made`)).toBe("good day it's $HOME\n");
  expect(await lab.untilState(failing, "FAILED")).toMatchObject({ exitCode: 7 });

  const { workdir } = await lab.untilState(long, "RUNNING");
  await lab.until("it has begun", async () => lab.read(`data/${workdir}/job.out`) === "begun\n");
  expect((await lab.processesOf(long)).length).toBeGreaterThan(0);
  await lab.client.call("jobKill", { body: { ids: [long] } });
  await lab.untilState(long, "USER_KILLED");
  await lab.until("nothing of it is left", async () => (await lab.processesOf(long)).length === 0);
  expect(execFileSync("podman", ["ps", "-q"], { encoding: "utf8" })).toBe("");
});
