import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type PilotConfigInput, readPilotConfig, resolvePilotConfig } from "./config.ts";
import { promiseOf } from "./hub/nodes/promise.ts";
import type { NodeHello } from "./link/messages.ts";

const least: PilotConfigInput = {
  access: { address: "http://127.0.0.1:1", token: "secret-token", fingerprint: null },
  site: { id: 3, name: "here", directory: "/site" },
  directory: "/site/run/pilots/7",
};

test("what is left out has its default", () => {
  expect(resolvePilotConfig(least)).toEqual({
    ...least,
    batchJobId: null,
    tags: {},
    apps: [],
    wallTimeMin: null,
    endMarginSec: 20,
    idleSec: 60,
    graceSec: 10,
    node: { cores: null, gpus: null, memoryBytes: null },
    nodes: {
      hosts: "this",
      launcher: "auto",
      launchOptions: [],
      network: "auto",
      tls: false,
      silenceSec: 10,
      startWithinSec: 120,
    },
    mpi: {
      launcher: "auto",
      program: null,
      template: [],
      pmi: null,
      startsOn: null,
      options: [],
      binding: "task",
      gpuBinding: "task",
    },
    relay: true,
  });
  expect(resolvePilotConfig({ ...least, idleSec: null }).idleSec).toBeNull();
});

test("a wrong field is named, with what was expected and what was got", () => {
  const wrong: [object, string | RegExp][] = [
    [{ ...least, site: { ...least.site, id: "3" } }, 'site.id: expected a whole number of at least 1, got "3"'],
    [{ ...least, directory: "run" }, 'directory: expected an absolute path, got "run"'],
    [{ ...least, wallTimeMin: -1 }, "wallTimeMin: expected a number, got -1"],
    [{ ...least, tags: { a: 1 } }, "tags.a: expected a text, got 1"],
    [
      { ...least, mpi: { launcher: "lam" } },
      /^mpi.launcher: expected one of auto, openmpi, mpich, .*, none, got "lam"$/,
    ],
    [{ ...least, nodes: { hosts: 4 } }, "nodes.hosts: expected a list, got 4"],
    [{ ...least, nodes: { launcher: "rsh" } }, /^nodes.launcher: expected one of auto, local, srun, .* got "rsh"$/],
    [{ ...least, nodes: { silenceSec: 0 } }, "nodes.silenceSec: expected at least 1, got 0"],
    [{ ...least, mpi: { launcher: "custom" } }, "mpi.template: expected the words of the custom launcher, got []"],
    [{ ...least, node: { cores: 0 } }, "node.cores: expected a whole number of at least 1, got 0"],
    [{}, "access: expected an object, got undefined"],
  ];
  for (const [config, problem] of wrong) expect(() => resolvePilotConfig(config)).toThrow(problem);
});

test("a token is never shown, however wrong it is", () => {
  const access = { address: "x", token: ["secret-token"], fingerprint: null };
  expect(() => resolvePilotConfig({ ...least, access })).toThrow("access.token: expected a text, got object");
});

test("a file that does not read is named", () => {
  const file = join(mkdtempSync(join(tmpdir(), "conifer-config-")), "pilot.json");
  expect(() => readPilotConfig(file)).toThrow(expect.objectContaining({ code: "BAD_SETTINGS" }));
  writeFileSync(file, "{");
  expect(() => readPilotConfig(file)).toThrow(file);
  writeFileSync(file, JSON.stringify(least));
  expect(readPilotConfig(file).site.id).toBe(3);
});

const hello: NodeHello = {
  type: "hello",
  protocol: 1,
  hostname: "nid01",
  pid: 1,
  bootId: "b",
  agent: "a",
  cpus: [2, 3, 8, 9],
  gpus: [{ kind: "rocr", id: "5" }],
  memoryBytes: 1000,
};
const nothing = { cores: null, gpus: null, memoryBytes: null };

test("a node promises what it has where nothing else is set", () => {
  expect(promiseOf(nothing, hello)).toEqual({
    capacity: { cores: 4, gpus: 1, memoryBytes: 1000 },
    cores: [2, 3, 8, 9],
    gpus: [{ kind: "rocr", id: "5" }],
  });
});

test("fewer cores than there are are the first ones of the agent's own", () => {
  expect(promiseOf({ ...nothing, cores: 3 }, hello).cores).toEqual([2, 3, 8]);
});

test("where more cores are promised than there are, tasks run unpinned", () => {
  expect(promiseOf({ ...nothing, cores: 64 }, hello)).toMatchObject({ capacity: { cores: 64 }, cores: null });
});

test("GPUs can be promised by number or by id", () => {
  expect(promiseOf({ ...nothing, gpus: 2 }, hello).gpus).toEqual([
    { kind: "rocr", id: "5" },
    { kind: "rocr", id: "1" },
  ]);
  expect(promiseOf({ ...nothing, gpus: ["GPU-8f"] }, hello).gpus).toEqual([{ kind: "rocr", id: "GPU-8f" }]);
  expect(promiseOf({ ...nothing, gpus: 0 }, hello).gpus).toEqual([]);
});
