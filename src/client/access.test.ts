import { mkdir, mkdtemp, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { coniferHome, findAccess, findJobAccess, forgetLogin, storeLogin } from "./access.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "conifer-home-"));
});

const login = { address: "https://far:1", token: "far", fingerprint: "ab" };

async function putServer() {
  await mkdir(join(home, "server"));
  await writeFile(join(home, "server/server.json"), '{"address":"http://127.0.0.1:5","fingerprint":null,"pid":1}');
  await writeFile(join(home, "server/owner-token"), "own\n");
}

test("the server of this user is found where nothing else is said", async () => {
  await putServer();
  expect(await findAccess({ env: {}, home })).toEqual({
    address: "http://127.0.0.1:5",
    token: "own",
    fingerprint: null,
  });
});

test("a login goes before the own server, the environment before a login, a job before all", async () => {
  await putServer();
  await storeLogin(home, login);
  expect(await findAccess({ env: {}, home })).toEqual(login);
  await writeFile(join(home, "token"), "env-token\n");
  const env = { CONIFER_ADDRESS: "http://near:2", CONIFER_TOKEN_FILE: join(home, "token") };
  expect(await findAccess({ env, home })).toEqual({ address: "http://near:2", token: "env-token", fingerprint: null });
  const job = { address: "unix:/x", token: "job-token", job: 12, attempt: 2, site: 3 };
  await writeFile(join(home, "job"), JSON.stringify(job));
  const inJob = { ...env, CONIFER_JOB_FILE: join(home, "job") };
  expect(await findAccess({ env: inJob, home })).toEqual({ ...job, fingerprint: null });
  expect(await findJobAccess({})).toBeNull();
});

test("a login is readable by its user alone and can be forgotten", async () => {
  await storeLogin(join(home, "new"), login);
  expect((await stat(join(home, "new/client.json"))).mode & 0o777).toBe(0o600);
  expect((await stat(join(home, "new"))).mode & 0o777).toBe(0o700);
  expect(await forgetLogin(join(home, "new"))).toBe(true);
  expect(await forgetLogin(join(home, "new"))).toBe(false);
  await expect(findAccess({ env: {}, home: join(home, "new") })).rejects.toMatchObject({ code: "NO_TOKEN" });
});

test("a file that does not read is named", async () => {
  await writeFile(join(home, "client.json"), "{");
  await expect(findAccess({ env: {}, home })).rejects.toThrow("client.json");
  await expect(findAccess({ env: { CONIFER_ADDRESS: "http://x" }, home })).rejects.toThrow("CONIFER_TOKEN_FILE");
  const env = { CONIFER_ADDRESS: "http://x", CONIFER_TOKEN_FILE: join(home, "none") };
  await expect(findAccess({ env, home })).rejects.toThrow(`no file ${home}/none`);
});

test("home is CONIFER_HOME, or .conifer in the user's home", () => {
  expect(coniferHome({ CONIFER_HOME: "/x" })).toBe("/x");
  expect(coniferHome({})).toMatch(/\/\.conifer$/);
});
