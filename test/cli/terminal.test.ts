import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cells } from "../../src/cli/terminal/text.ts";
import { type CliLab, openServedLab } from "./lab.ts";

let lab: CliLab;
beforeAll(async () => {
  lab = await openServedLab();
  await lab.out(
    "job",
    "create",
    "sim",
    "--sweep",
    "case=a,b,c",
    "--name",
    "a name that is rather long",
    "--tag",
    "lattice=hexagonal",
  );
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what it looks for
const COLOUR = /\u001b\[\d+m/g;
const linesOf = (text: string) => text.replaceAll("\r", "").split("\n");

describe("on a terminal", () => {
  test("tables fit its width, whatever it is", async () => {
    for (const columns of [40, 60, 80, 132]) {
      for (const command of [
        ["job", "ls"],
        ["app", "ls"],
        ["site", "ls"],
      ]) {
        const { stdout } = await lab.onTerminal(command, { columns });
        const table = linesOf(stdout).filter((line) => !line.includes("hint:"));
        for (const line of table)
          expect(cells(line.replace(COLOUR, "")), `${command} at ${columns}: ${line}`).toBeLessThanOrEqual(columns);
      }
    }
    const { stdout } = await lab.onTerminal(["job", "ls"], { columns: 132 });
    expect(stdout).toContain("lattice=hexagonal");
  });

  test("titles are bold and states have colours, unless NO_COLOR is set; elsewhere all is plain", async () => {
    const { items } = await lab.json<{ items: { id: number }[] }>("job", "ls");
    await lab.out("job", "kill", `${items[0]?.id}`);
    expect((await lab.onTerminal(["job", "ls"])).stdout).toContain("\u001b[35mUSER_KILLED\u001b[0m");
    const env = { NO_COLOR: "1" };
    expect((await lab.onTerminal(["job", "ls"], { env })).stdout).not.toMatch(COLOUR);
    expect((await lab.run(["job", "ls"])).stdout).not.toMatch(COLOUR);
    expect((await lab.run(["job", "ls"], { env: { FORCE_COLOR: "1" } })).stdout).toMatch(COLOUR);
  });

  test("what ends or deletes jobs asks first, and does nothing without a yes", async () => {
    await lab.out("job", "create", "other", "--workflow", "asked");
    const no = await lab.onTerminal(["job", "rm", "workflow=asked"], { input: "n\n" });
    expect(no.stdout).toContain("Delete 1 job (workflow=asked)? [y/N]");
    expect(no.stdout).toContain("Nothing was done");
    expect(no.code).toBe(1);
    const yes = await lab.onTerminal(["job", "rm", "workflow=asked"], { input: "y\n" });
    expect(yes.stdout).toContain("deleted 1 job");
    await lab.out("job", "create", "other", "--workflow", "asked");
    const sure = await lab.onTerminal(["job", "rm", "workflow=asked", "--yes"]);
    expect(sure.stdout).toBe("deleted 1 job\r\n");
  });

  test("creating more than 10,000 jobs asks, and says how many", async () => {
    const { stdout } = await lab.onTerminal(["job", "create", "sim", "case=x", "--sweep", "steps=1:20000"], {
      input: "n\n",
    });
    expect(stdout).toContain("Create 20,000 jobs? [y/N]");
    expect(await lab.out("job", "ls", "--ids", "--app", "sim", "-n", "0")).toBe("1\n2\n3\n");
  });

  test("progress is one line that changes", async () => {
    await lab.out("job", "create", "other", "--workflow", "watched");
    const waiting = lab.onTerminal(["job", "wait", "workflow=watched", "--progress"]);
    await new Promise<void>((resolve) => setImmediate(resolve));
    await lab.out("job", "kill", "workflow=watched");
    const { stdout, code } = await waiting;
    expect(code).toBe(8);
    expect(stdout).toContain(`\r\u001b[2K[${"#".repeat(24)}] 1/1  killed 1`);
    expect(stdout.split("\n").filter((line) => line.includes("1/1"))).toHaveLength(1);
  });
});

describe("elsewhere", () => {
  test("nothing is cut and nobody is asked", async () => {
    expect((await lab.run(["job", "ls", "2"])).stdout).toContain("a name that is rather long");
    await lab.out("job", "create", "other", "--workflow", "unasked");
    expect((await lab.run(["job", "rm", "workflow=unasked"])).stdout).toBe("deleted 1 job\n");
  });

  test("progress is plain lines", async () => {
    await lab.out("job", "create", "other", "--workflow", "plain");
    await lab.out("job", "kill", "workflow=plain");
    const { stdout, stderr, code } = await lab.run(["job", "wait", "workflow=plain", "--progress"]);
    expect({ stdout, code }).toEqual({ stdout: "", code: 8 });
    expect(stderr).toMatch(/^\[#{24}\] 1\/1 {2}killed 1\nconifer: 1 of 1 jobs did not finish well\nhint: /);
  });
});
