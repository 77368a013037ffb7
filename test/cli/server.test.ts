import { existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CliLab, openCliLab } from "./lab.ts";

let lab: CliLab;
let shared: string;
beforeAll(async () => {
  lab = openCliLab();
  shared = join(lab.home, "shared");
  await lab.out("server", "start");
  await lab.out("server", "start", "--directory", shared, "--listen", "0.0.0.0:0");
});
afterAll(async () => {
  await lab.run(["server", "stop", "--directory", shared]);
  await lab[Symbol.asyncDispose]();
});
const serverOf = async (directory: string) => JSON.parse(await readFile(join(directory, "server.json"), "utf8"));

describe("server start", () => {
  test("refuses to start twice in one directory, naming the process that runs", async () => {
    const { pid } = await serverOf(join(lab.home, "conifer/server"));
    const again = await lab.run(["server", "start"]);
    expect(again).toMatchObject({ code: 5, stdout: "" });
    expect(again.stderr).toContain(`runs already (process ${pid} on `);
  });

  test("says what kept the server from starting", async () => {
    const bad = await lab.run(["server", "start", "-d", "other", "--database", "mysql://x"]);
    expect(bad.code).toBe(2);
    expect(bad.stderr).toMatch(/^conifer: .*mysql/);
    const plain = await lab.run(["server", "start", "-d", "other", "--listen", "nowhere:0:1"]);
    expect(plain.code).toBe(2);
    const gone = await lab.run(["server", "start", "-d", "other", "--database", "postgres://nobody@127.0.0.1:1/none"]);
    expect(gone.code).toBe(6);
  });

  test("in the foreground stays until it is told to end", async () => {
    const server = lab.start(["server", "start", "-d", "foreground", "--foreground"]);
    await expect.poll(() => existsSync(join(lab.home, "foreground/server.json")), { timeout: 50_000 }).toBe(true);
    expect((await lab.run(["server", "status", "-d", "foreground"])).stdout).toContain("server");
    server.child.kill("SIGTERM");
    expect((await server.ended).code).toBe(0);
  });
});

describe("server stop and status", () => {
  test("say that no server runs where none does", async () => {
    expect(await lab.run(["server", "stop", "-d", "empty"])).toMatchObject({ code: 5, stdout: "" });
    expect((await lab.run(["server", "status", "-d", "empty"])).stderr).toContain("does not run");
  });

  test("do not end a process that happens to have the pid of a server that is gone", async () => {
    const directory = join(lab.home, "stale");
    await lab.out("server", "start", "-d", directory);
    const before = await serverOf(directory);
    await lab.out("server", "stop", "-d", directory);
    // As after kill -9, with the pid given to somebody else: this test.
    await writeFile(join(directory, "server.json"), JSON.stringify({ ...before, pid: process.pid }));
    expect((await lab.run(["server", "stop", "-d", directory])).code).toBe(5);
    await lab.out("server", "start", "-d", directory);
    await lab.out("server", "stop", "-d", directory);
  });
});

describe("login", () => {
  test("pins the certificate of a shared server, and no other is trusted", async () => {
    const { address, fingerprint } = await serverOf(shared);
    const url = address.replace("0.0.0.0", "127.0.0.1");
    expect(url).toMatch(/^https:/);
    const token = ["--token-file", join(shared, "owner-token")];
    const unsure = await lab.run(["login", url, ...token]);
    expect(unsure).toMatchObject({ code: 2, stderr: expect.stringContaining("--fingerprint: the server shows ") });
    const wrong = await lab.run(["login", url, ...token, "--fingerprint", "ab".repeat(32)]);
    expect(wrong).toMatchObject({ code: 4, stderr: expect.stringContaining("is pinned") });
    expect(await lab.out("login", url, ...token, "--fingerprint", fingerprint)).toContain(` at ${url}\n`);
    const file = join(lab.home, "conifer/client.json");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await lab.out("whoami")).toContain(url);
    expect(await lab.out("job", "ls", "--json")).toContain("items");
    expect(await lab.out("logout")).toBe("forgot the server\n");
    expect(await lab.out("whoami")).toContain("http://127.0.0.1");
  });

  test("[B60] that does not work says why and what to do, and stores nothing", async () => {
    const { address } = await serverOf(join(lab.home, "conifer/server"));
    for (const [args, input, code, says] of [
      [[address], "wrong\n", 4, "does not accept this token\nhint: Run `conifer login`, or ask"],
      [[address], "", 2, "token: expected one word"],
      [["http://127.0.0.1:1"], "t\n", 6, "No answer from the server at http://127.0.0.1:1: the connection was refused"],
      [["127.0.0.1:1"], "t\n", 2, "write http://HOST:PORT, https://HOST:PORT or unix:/PATH"],
      [["--directory", "empty"], "", 5, "The server in empty does not run"],
      [[address, "--token-file", "none"], "", 2, "cannot be read"],
    ] as const) {
      const outcome = await lab.run(["login", ...args], { input });
      expect(outcome, outcome.stderr).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(says) });
    }
    expect(existsSync(join(lab.home, "conifer/client.json"))).toBe(false);
  });

  test("on a terminal asks for the token and does not show it", async () => {
    const { address } = await serverOf(join(lab.home, "conifer/server"));
    const { token } = await lab.json<{ token: string }>("token", "create");
    const { stdout, code } = await lab.onTerminal(["login", address], { input: `${token}\n` });
    expect(code).toBe(0);
    expect(stdout).toContain("Token: ");
    expect(stdout).toContain(` at ${address}`);
    await lab.out("logout");
  });

  test("[B52] is not needed for a server of one's own: no account, no password", async () => {
    expect(await lab.json("whoami")).toMatchObject({ user: { admin: true } });
  });

  test("lets users see their own jobs alone", async () => {
    const { token } = await lab.json<{ token: string }>("user", "add", "ada");
    const { address } = await serverOf(join(lab.home, "conifer/server"));
    const env = { CONIFER_HOME: join(lab.home, "ada") };
    expect((await lab.run(["login", address], { input: `${token}\n`, env })).stdout).toBe(`ada at ${address}\n`);
    expect((await lab.run(["job", "ls", "--json"], { env })).stdout).toContain('"items": []');
    expect((await lab.run(["user", "ls"], { env })).code).toBe(4);
    const { info, token: second } = JSON.parse((await lab.run(["token", "create", "--json"], { env })).stdout);
    expect((await lab.run(["token", "revoke", `${info.id}`], { env })).code).toBe(0);
    expect((await lab.run(["login", address], { input: `${second}\n`, env })).code).toBe(4);
    await lab.out("user", "rm", "ada");
    expect((await lab.run(["whoami"], { env })).code).toBe(4);
  });
});
