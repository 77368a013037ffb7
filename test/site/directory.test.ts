import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openClient } from "../../src/client/client.ts";
import {
  doctor,
  findPreset,
  findSiteDirectory,
  initSite,
  moveSite,
  readSiteIdentity,
  removeSite,
  siteStatus,
  startSite,
  stopSite,
  syncApps,
} from "../../src/site/index.ts";
import { LabServer } from "./lab.ts";

let lab: LabServer;
beforeAll(async () => {
  lab = await LabServer.open();
  await init("here");
});
afterAll(() => lab[Symbol.asyncDispose]());

const place = (name: string) => join(lab.directory, name);
const init = (name: string, change: object = {}) =>
  initSite({ directory: place(name), access: lab.access, client: lab.client, ...change });
const names = async () => (await lab.client.call("siteList", {})).items.map(({ name }) => name).sort();
const levels = async (directory: string | null, access = lab.access) =>
  new Map((await doctor({ directory, access })).map(({ check, level, text }) => [check, `${level}: ${text}`]));

describe("making a site", () => {
  it("writes settings, a sample app, and a token of its own", async () => {
    const made = await init("made");
    expect(made).toMatchObject({ name: "made", directory: place("made"), address: lab.access.address });
    expect(await readdir(place("made"))).toEqual([".conifer-site.json", "apps", "data", "log", "run", "settings.yml"]);
    expect(await findSiteDirectory(place("made/apps"))).toBe(place("made"));
    expect(await readSiteIdentity(place("made"))).toEqual({
      siteId: made.siteId,
      name: "made",
      address: made.address,
      mark: made.mark,
    });
    const { token } = JSON.parse(await readFile(place("made/run/access.json"), "utf8"));
    expect(token).not.toBe(lab.access.token);
    await using own = openClient({ ...lab.access, token });
    expect(await own.call("whoami", {})).toMatchObject({ id: expect.any(Number) });
  });

  it("leaves nothing behind where it fails: no directory, no registration, no token", async () => {
    const before = (await lab.client.call("tokenList", {})).items.length;
    await expect(init("twice", { name: "here" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    expect(await readdir(lab.directory)).not.toContain("twice");
    await mkdir(place("blocked/run"), { recursive: true });
    await mkdir(place("blocked/run/access.json"));
    await writeFile(place("blocked/mine.txt"), "mine");
    await expect(init("blocked")).rejects.toThrow();
    expect(await names()).not.toContain("blocked");
    expect(await readdir(place("blocked"))).toEqual(["mine.txt", "run"]);
    expect((await lab.client.call("tokenList", {})).items.length).toBe(before);
  });

  it("keeps files that are there, and only renews the token of a site that exists", async () => {
    await mkdir(place("kept/apps"), { recursive: true });
    await writeFile(place("kept/apps/mine.yml"), "name: mine\ncommand: 'true'\n");
    await writeFile(place("kept/settings.yml"), "hooks: { workers: 7 }\n");
    const made = await init("kept");
    expect(await readdir(place("kept/apps"))).toEqual(["mine.yml"]);
    expect(await readFile(place("kept/settings.yml"), "utf8")).toBe("hooks: { workers: 7 }\n");
    const token = await readFile(place("kept/run/access.json"), "utf8");
    expect((await init("kept")).siteId).toBe(made.siteId);
    expect(await readFile(place("kept/run/access.json"), "utf8")).not.toBe(token);
    await expect(init("kept", { name: "other" })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
  });
});

describe("making a site on a known machine", () => {
  it("fills its settings in, and leaves ones that are there alone", async () => {
    const preset = await findPreset("frontier");
    expect(await init("known", { preset })).toMatchObject({ settingsWritten: true });
    const text = await readFile(place("known/settings.yml"), "utf8");
    expect(text).toMatch(/^# Machine: frontier\. /m);
    expect(text).toMatch(/^name: known$/m);
    expect(text).toMatch(/^ {2}kind: slurm$/m);
    expect(await init("known", { preset: await findPreset("theta") })).toMatchObject({ settingsWritten: false });
    expect(await readFile(place("known/settings.yml"), "utf8")).toBe(text);
  });
});

describe("moving and removing a site", () => {
  it("moves the directory and renames, here, in the settings and at the server", async () => {
    const { siteId } = await init("from");
    const moved = await moveSite({ directory: place("from"), to: place("to"), name: "renamed", client: lab.client });
    expect(moved).toMatchObject({ siteId, name: "renamed", directory: place("to") });
    expect(await lab.client.call("siteGet", { params: { id: siteId } })).toMatchObject({
      name: "renamed",
      path: place("to"),
    });
    const settings = await readFile(place("to/settings.yml"), "utf8");
    expect(settings).toMatch(/^name: renamed$/m);
    expect(settings).toContain("# Keeps enough nodes for the runnable jobs");
    await expect(
      moveSite({ directory: place("to"), to: place("from2"), name: "here", client: lab.client }),
    ).rejects.toThrow();
    expect((await readSiteIdentity(place("to"))).name).toBe("renamed");
  });

  it("is refused while the agent or an allocation runs, and onto what exists", async () => {
    await init("busy");
    const { agent } = await startSite({ directory: place("busy") });
    await expect(moveSite({ directory: place("busy"), to: place("x"), client: lab.client })).rejects.toMatchObject({
      code: "ALREADY_RUNNING",
      message: expect.stringContaining(String(agent.pid)),
    });
    await expect(removeSite({ directory: place("busy"), client: lab.client })).rejects.toMatchObject({
      code: "ALREADY_RUNNING",
    });
    await stopSite({ directory: place("busy") });
    await expect(moveSite({ directory: place("busy"), to: place("made"), client: lab.client })).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
    });
    expect((await siteStatus({ directory: place("busy") })).agent).toBeNull();
  });

  it("removes registration and token, and the files only where asked", async () => {
    await init("gone");
    const { token } = JSON.parse(await readFile(place("gone/run/access.json"), "utf8"));
    await removeSite({ directory: place("gone"), client: lab.client });
    expect(await names()).not.toContain("gone");
    expect(await readdir(place("gone"))).toEqual(["apps", "data", "log", "settings.yml"]);
    await using own = openClient({ ...lab.access, token });
    await expect(own.call("whoami", {})).rejects.toMatchObject({ code: "NOT_LOGGED_IN" });
    await init("gone");
    await removeSite({ directory: place("gone"), files: true, client: lab.client });
    expect(await readdir(lab.directory)).not.toContain("gone");
  });
});

describe("telling the server of apps", () => {
  it("changes nothing where a file does not read, and prunes where asked", async () => {
    await init("apps");
    const sync = (prune = false) => syncApps({ directory: place("apps"), client: lab.client, prune });
    expect(await sync()).toEqual({ created: 1, updated: 0, removed: 0, names: ["hello"] });
    await writeFile(place("apps/apps/other.yml"), "name: other\ncommand: 'true'\n");
    await writeFile(place("apps/apps/wrong.yml"), "name: wrong\ncommand: [1]\n");
    await expect(sync()).rejects.toMatchObject({
      code: "BAD_APP_FILE",
      message: expect.stringContaining("apps/wrong.yml:2: command"),
    });
    expect((await lab.client.call("appList", { query: { site: "apps" } })).items).toHaveLength(1);
    await writeFile(place("apps/apps/wrong.yml"), "name: right\ncommand: 'true'\n");
    expect(await sync(true)).toMatchObject({ created: 2, names: ["hello", "other", "right"] });
    await rm(place("apps/apps/other.yml"));
    expect(await sync(true)).toMatchObject({ created: 0, removed: 1 });
  });
});

describe("the doctor", () => {
  it("finds a sound site sound", async () => {
    await init("sound");
    await startSite({ directory: place("sound") });
    await expect
      .poll(async () => (await levels(place("sound"))).get("agent"), { timeout: 20_000 })
      .toMatch(/^ok: process/);
    const found = await levels(place("sound"));
    for (const check of [
      "node",
      "programs",
      "hooks",
      "settings",
      "directory",
      "secrets",
      "disk",
      "scheduler",
      "apps",
      "server",
      "clock",
      "token",
      "registration",
    ])
      expect(found.get(check), check).toMatch(/^ok/);
    expect([...found.keys()].filter((check) => check.startsWith("agent: "))).toHaveLength(6);
    await stopSite({ directory: place("sound") });
  });

  it("says of each thing that is wrong what is wrong and what to do", async () => {
    await init("ill");
    await writeFile(place("ill/settings.yml"), "hook: {}\n");
    await writeFile(place("ill/apps/a.yml"), "name: a\n");
    await chmod(place("ill/run"), 0o755);
    const access = JSON.parse(await readFile(place("ill/run/access.json"), "utf8"));
    await writeFile(place("ill/run/access.json"), JSON.stringify({ ...access, token: "wrong" }));
    const found = await levels(place("ill"));
    expect(found.get("settings")).toMatch(/^fail: .*settings\.yml:1: there is no hook; did you mean hooks\?/);
    expect(found.get("apps")).toMatch(/^fail: apps\/a\.yml:1: command/);
    expect(found.get("secrets")).toMatch(/^warn: others can read/);
    expect(found.get("agent")).toBe("warn: it does not run");
    expect(found.get("token")).toMatch(/^fail: .*does not accept this token/);
    await writeFile(place("ill/run/access.json"), JSON.stringify({ ...access, address: "http://127.0.0.1:1" }));
    expect((await levels(place("ill"))).get("server")).toMatch(/^fail: No answer from the server/);
    for (const line of await doctor({ directory: place("ill"), access: null }))
      expect(line.level === "ok" || line.fix !== null).toBe(true);
  });

  it("[B60] checks the machine alone outside of a site", async () => {
    const found = await levels(null);
    expect(found.get("server")).toMatch(/^ok/);
    expect(found.has("settings")).toBe(false);
  });
});
