import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** Every bad input and fault that Conifer promises to stand, and the tests that hold it to that: file and title. */
const FAULTS: Readonly<Record<string, readonly (readonly [file: string, title: string])[]>> = {
  "unknown app, parameter or site": [
    ["src/server/jobs/create/create.test.ts", "is refused for %s, and none of its jobs is made"],
  ],
  "shell text in every parameter": [
    ["test/faults/hostile-values.test.ts", "reaches the command as it is, and none of it executes"],
    ["test/faults/hostile-values.test.ts", "made at random does so too"],
  ],
  "workdirs with .. or from the root": [
    ["src/server/jobs/create/create.test.ts", "is refused for %s, and none of its jobs is made"],
    ["src/pilot/node/run-tasks.test.ts", "a parent directory that becomes a link out of the root is noticed"],
  ],
  "a parameter of 10 MB": [
    ["src/server/http/http.test.ts", "with a 10 MB parameter are refused by name"],
    [
      "src/pilot/node/run-tasks.test.ts",
      "a parameter of 10 MB reaches the shell's builtins whole, and is too long for any other program",
    ],
  ],
  "invalid UTF-8 and NUL": [["src/server/http/http.test.ts", "[B9] with %s are refused, and nothing is stored"]],
  "an idempotency key used twice": [
    ["src/server/jobs/create/create.test.ts", "under the same key gets the same ids and makes nothing twice"],
    ["src/server/jobs/create/create.test.ts", "with other content under the same key is refused"],
  ],
  "a request cut off half-way": [
    ["src/server/http/http.test.ts", "cut off half-way leave nothing behind"],
    ["test/faults/connection.test.ts", "inside a request that nobody sends again leaves nothing behind"],
  ],
  "kill -9 of the server during bulk create, acquire and update": [
    [
      "test/faults/server-killed.test.ts",
      "while it creates jobs has all of them or none, and the same request later gets the same ids",
    ],
    ["test/faults/server-killed.test.ts", "[B35] while it changes jobs has changed all of them or none"],
    [
      "test/faults/server-killed.test.ts",
      "while jobs are acquired and reported hands out none twice, loses none, and takes each report once",
    ],
  ],
  "kill -9 of the agent": [
    ["test/faults/campaign.test.ts", "whose agent is killed with -9 again and again finishes, and each job ran once"],
  ],
  "kill -9 of a pilot": [
    [
      "test/pilot/faults.test.ts",
      "kill -9 of a pilot ends its processes; its jobs restart once and say so; what had ended is not run again",
    ],
    [
      "test/site/agent.test.ts",
      "[B7] gives a pilot its batch job, and delivers the journal of a killed one before its batch job ends",
    ],
  ],
  "kill -9 of a node agent": [
    [
      "test/pilot/faults.test.ts",
      "kill -9 of the node agent: its tasks are dead and told lost, and run again on its successor",
    ],
  ],
  "kill -9 of everything, at random": [
    ["test/faults/chaos.test.ts", "ends, with every process on record, no job beside itself, and nothing lost"],
  ],
  "a full disk under the database": [
    [
      "src/server/database/pglite/pglite-database.test.ts",
      "fails clearly on a full disk and works again when there is space, with everything acknowledged in it",
    ],
  ],
  "two servers on one database directory": [
    ["test/cli/server.test.ts", "refuses to start twice in one directory, naming the process that runs"],
    [
      "src/server/database/pglite/pglite-database.test.ts",
      "refuses a second opening, in this process too, naming the first one's pid",
    ],
  ],
  "a clock that jumps": [
    ["src/server/sessions/lease.test.ts", "survive a clock that jumps %s: everyone gets one full lease, and no more"],
  ],
  "a server that is away for five minutes": [
    ["src/pilot/pilot.test.ts", "a server away for five minutes costs nothing: tasks run on, reports arrive once"],
    [
      "test/faults/campaign.test.ts",
      "whose server is away for a while, as jobs run and end, loses nothing and runs nothing twice",
    ],
  ],
  "a client that sends a POST again after a dropped connection": [
    [
      "test/faults/connection.test.ts",
      "[B10] %s costs nothing: the client sends its jobs again and they are there once",
    ],
    [
      "test/faults/connection.test.ts",
      "again and again under an agent and a pilot loses nothing and runs nothing twice",
    ],
  ],
  "a hook that creates jobs, and runs again": [
    ["src/server/hooks/hooks.test.ts", "make jobs once, however often their outcome is told"],
    ["test/site/hooks.test.ts", "[B40] are taken over at once from an agent that was killed, and count once"],
  ],
  "a killed job with children in sessions of their own": [
    ["test/pilot/runs.test.ts", "a killed job is really ended, with its children"],
  ],
  "a power cut": [
    [
      "src/server/database/pglite/engine.test.ts",
      "syncs its log once for each commit, and its data files and directories at a checkpoint",
    ],
    ["test/cluster/crash-image.test.ts", "a database that was made just before has every acknowledged commit, too"],
  ],
};

test.each(Object.entries(FAULTS))("%s has a test", (_fault, tests) => {
  const missing = tests.filter(([file, title]) => !readFileSync(join(root, file), "utf8").includes(`"${title}"`));
  expect(missing).toEqual([]);
});
