import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { ConiferError } from "../model/errors.ts";

/** Where a server is and what opens it. */
export type Access = {
  /** `http://HOST:PORT`, `https://HOST:PORT` or `unix:/path/to.sock`. */
  readonly address: string;
  readonly token: string;
  /** SHA-256 of the server's certificate, hex; null = no pinning (the system's authorities are asked). */
  readonly fingerprint: string | null;
};

/** The job a program runs as, read from the file that CONIFER_JOB_FILE names. */
export type JobAccess = Access & { readonly job: number; readonly attempt: number; readonly site: number | string };

export type Surroundings = {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default CONIFER_HOME, or ~/.conifer. */
  readonly home?: string;
};

/** The user's Conifer directory: CONIFER_HOME, or ~/.conifer. */
export function coniferHome(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return resolve(env.CONIFER_HOME || join(homedir(), ".conifer"));
}

/**
 * Finds the server to talk to, in this order: CONIFER_JOB_FILE (inside a running job), CONIFER_ADDRESS with
 * CONIFER_TOKEN_FILE (and CONIFER_FINGERPRINT), what `conifer login` stored, the server started by this user here.
 * Throws NO_TOKEN where there is none, BAD_INPUT where a named file does not read.
 */
export async function findAccess(around: Surroundings = {}): Promise<Access> {
  const env = around.env ?? process.env;
  const home = around.home ?? coniferHome(env);
  const job = await findJobAccess(env);
  if (job) return job;
  if (env.CONIFER_ADDRESS) return fromEnvironment(env.CONIFER_ADDRESS, env);
  return (await readStoredLogin(home)) ?? (await readServerDirectory(join(home, "server"))) ?? noToken();
}

/** The access of the job this program runs as, or null outside of a job. */
export async function findJobAccess(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<JobAccess | null> {
  if (!env.CONIFER_JOB_FILE) return null;
  const file = env.CONIFER_JOB_FILE;
  const content = await readJson(file);
  if (content === null) throw new ConiferError("BAD_INPUT", { where: "CONIFER_JOB_FILE", problem: `no file ${file}` });
  const job = Number(content.job);
  const site = typeof content.site === "number" ? content.site : String(content.site ?? "");
  return { ...toAccess(content, file), job, attempt: Number(content.attempt ?? 1), site };
}

/** The access of a server by its directory: its address and its owner's token; null where none has run there. */
export async function readServerDirectory(directory: string): Promise<Access | null> {
  const file = join(directory, "server.json");
  const server = await readJson(file);
  const token = await readToken(join(directory, "owner-token"));
  return server === null || token === null ? null : toAccess({ ...server, token }, file);
}

/** What `conifer login` stored under this home, or null. */
export async function readStoredLogin(home: string): Promise<Access | null> {
  const file = join(home, "client.json");
  const stored = await readJson(file);
  return stored === null ? null : toAccess(stored, file);
}

/** Stores an access for later commands, readable by its user alone. */
export async function storeLogin(home: string, access: Access): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const file = join(home, "client.json");
  const { address, token, fingerprint } = access;
  await writeFile(`${file}.new`, `${JSON.stringify({ address, token, fingerprint }, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** Forgets what `storeLogin` stored; false where there was nothing. */
export async function forgetLogin(home: string): Promise<boolean> {
  const stored = await readStoredLogin(home);
  await rm(join(home, "client.json"), { force: true });
  return stored !== null;
}

async function fromEnvironment(address: string, env: Readonly<Record<string, string | undefined>>): Promise<Access> {
  const file = env.CONIFER_TOKEN_FILE;
  if (!file)
    throw new ConiferError("BAD_INPUT", {
      where: "CONIFER_TOKEN_FILE",
      problem: "CONIFER_ADDRESS is set, so it must name a file with a token",
    });
  const token = await readToken(file);
  if (token === null) throw new ConiferError("BAD_INPUT", { where: "CONIFER_TOKEN_FILE", problem: `no file ${file}` });
  return toAccess({ address, token, fingerprint: env.CONIFER_FINGERPRINT || null }, "CONIFER_ADDRESS");
}

function noToken(): never {
  throw new ConiferError("NO_TOKEN");
}

async function readToken(file: string): Promise<string | null> {
  const text = (await readText(file))?.trim();
  return text ? text : null;
}

async function readJson(file: string): Promise<Record<string, unknown> | null> {
  const text = await readText(file);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch (cause) {
    throw new ConiferError("BAD_INPUT", { where: file, problem: "it is not JSON" }, { cause });
  }
  throw new ConiferError("BAD_INPUT", { where: file, problem: "it is not a JSON object" });
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR")) return null;
    throw new ConiferError("BAD_INPUT", { where: file, problem: "it cannot be read" }, { cause });
  }
}

function toAccess(content: Record<string, unknown>, where: string): Access {
  const { address, token, fingerprint } = content;
  if (typeof address !== "string" || typeof token !== "string")
    throw new ConiferError("BAD_INPUT", { where, problem: "it names no address and token" });
  return { address, token, fingerprint: typeof fingerprint === "string" ? fingerprint : null };
}
