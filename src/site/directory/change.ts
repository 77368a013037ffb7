import { access, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, resolve, sep } from "node:path";
import { parseDocument } from "yaml";
import type { Client } from "../../client/client.ts";
import { ConiferError, isConiferError, messageOf } from "../../model/errors.ts";
import { findAgent } from "../agent/lock.ts";
import { openAllocations } from "../status.ts";
import { readSiteIdentity, type SiteIdentity, writeSiteIdentity } from "./identity.ts";
import { siteLayout } from "./layout.ts";
import { readSiteAccess } from "./site-access.ts";

/** Moves a stopped site's directory and/or renames it, here and at the server; where the server refuses nothing has changed. */
export async function moveSite(options: {
  readonly directory: string;
  readonly to?: string;
  readonly name?: string;
  readonly client: Client;
}): Promise<SiteIdentity & { readonly directory: string }> {
  const from = resolve(options.directory);
  const to = resolve(options.to ?? from);
  const identity = await readSiteIdentity(from);
  await mustBeStill(from, "move");
  if (to !== from) await moveDirectory(from, to);
  const name = options.name ?? identity.name;
  try {
    const body = { path: to, hostname: hostname(), ...(options.name === undefined ? {} : { name }) };
    await options.client.call("siteUpdate", { params: { id: identity.siteId }, body });
  } catch (error) {
    if (to !== from) await rename(to, from);
    throw error;
  }
  if (options.name !== undefined) await setNameInSettings(siteLayout(to).settings, name);
  await writeSiteIdentity(to, { ...identity, name });
  return { ...identity, name, directory: to };
}

/** Removes a stopped site at the server with its jobs, and its token; with `files` its directory too, else what made it a site. */
export async function removeSite(options: {
  readonly directory: string;
  readonly files?: boolean;
  readonly client: Client;
}): Promise<void> {
  const directory = resolve(options.directory);
  const layout = siteLayout(directory);
  const { siteId } = await readSiteIdentity(directory);
  await mustBeStill(directory, "remove");
  const { client } = options;
  await client.call("siteDelete", { params: { id: siteId } }).catch(unlessGone);
  const token = await readSiteAccess(directory).catch(() => null);
  if (token !== null && token.tokenId !== null)
    await client.call("tokenRevoke", { params: { id: token.tokenId } }).catch(unlessGone);
  await rm(layout.marker, { force: true });
  await rm(layout.run, { recursive: true, force: true });
  if (options.files === true) await rm(directory, { recursive: true, force: true });
}

async function mustBeStill(directory: string, action: string): Promise<void> {
  const layout = siteLayout(directory);
  const agent = await findAgent(layout);
  if (agent !== null)
    throw new ConiferError("ALREADY_RUNNING", { what: `The agent of ${directory}`, pid: agent.pid, host: agent.host });
  const running = (await openAllocations(layout)).filter(({ pid }) => pid !== null);
  if (running.length === 0) return;
  const ids = running.map(({ batchJobId }) => batchJobId).join(", ");
  const problem = `batch jobs ${ids} run in it; end them with conifer site stop --pilots`;
  throw new ConiferError("CONFLICT", { what: `Cannot ${action} ${directory}`, problem });
}

async function moveDirectory(from: string, to: string): Promise<void> {
  const what = `Cannot move ${from} to ${to}`;
  const isThere = await access(to).then(
    () => true,
    () => false,
  );
  if (isThere) throw new ConiferError("ALREADY_EXISTS", { kind: "directory", name: to });
  if (to.startsWith(from + sep)) throw new ConiferError("CONFLICT", { what, problem: "that is inside of it" });
  await rename(from, to).catch((cause: NodeJS.ErrnoException) => {
    const isFar = cause.code === "EXDEV";
    const advice = "it is on another file system; choose a place on the same one";
    const problem = isFar ? advice : cause.code === "ENOENT" ? `there is no ${dirname(to)}` : messageOf(cause);
    throw new ConiferError("CONFLICT", { what, problem }, { cause });
  });
}

/** Changes the name in settings.yml where it stands there, comments and all else as they are. */
async function setNameInSettings(file: string, name: string): Promise<void> {
  const text = await readFile(file, "utf8").catch(() => "");
  const document = parseDocument(text);
  if (document.errors.length > 0 || !document.has("name")) return;
  document.set("name", name);
  await writeFile(file, String(document), { mode: 0o600 });
}

function unlessGone(error: unknown): void {
  if (!isConiferError(error) || error.code !== "NOT_FOUND") throw error;
}
