import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, resolve } from "node:path";
import type { Access, Client } from "../../client/client.ts";
import { ConiferError, isConiferError } from "../../model/errors.ts";
import type { MachinePreset } from "../presets/preset.ts";
import { sampleSettings } from "../settings/sample.ts";
import { newMark, readSiteIdentity, type SiteIdentity, writeSiteIdentity } from "./identity.ts";
import { type SiteLayout, siteLayout } from "./layout.ts";
import { writeSiteAccess } from "./site-access.ts";

export type InitSite = {
  /** Where the site will be; made if missing. */
  readonly directory: string;
  /** Default: the directory's own name. */
  readonly name?: string;
  /** What is known of the machine, for a new settings.yml. */
  readonly preset?: MachinePreset;
  readonly access: Access;
  readonly client: Client;
};

export type MadeSite = SiteIdentity & {
  readonly directory: string;
  /** Whether settings.yml was written; one that was there is left alone. */
  readonly settingsWritten: boolean;
};

type Undo = () => Promise<unknown>;

/**
 * Makes a site: directory, settings, a sample app, the registration at the server and the site's own token; all of it
 * or nothing. In a directory that is a site already it only renews the token. Files that are there are left alone.
 */
export async function initSite(options: InitSite): Promise<MadeSite> {
  const directory = resolve(options.directory);
  const layout = siteLayout(directory);
  const known = await readSiteIdentity(directory).catch(orNoSite);
  if (known !== null) return { ...(await renewToken(known, directory, options)), directory, settingsWritten: false };
  const name = options.name ?? toName(basename(directory));
  const undo: Undo[] = [];
  try {
    await makeDirectories(layout, undo);
    const site = await options.client.call("siteCreate", { body: { name, path: directory, hostname: hostname() } });
    undo.push(() => options.client.call("siteDelete", { params: { id: site.id } }));
    await makeToken(layout, name, options, undo);
    const preset = options.preset === undefined ? {} : { preset: options.preset };
    const settings = sampleSettings({ name, ...preset });
    const settingsWritten = await writeNew(layout.settings, settings, { undo, mode: 0o600 });
    if ((await readdir(layout.apps)).length === 0) {
      await writeNew(`${layout.apps}/hello.yml`, HELLO, { undo, mode: 0o644 });
    }
    const identity = { siteId: site.id, name, address: options.access.address, mark: newMark() };
    await writeSiteIdentity(directory, identity);
    return { ...identity, directory, settingsWritten };
  } catch (error) {
    for (const step of undo.reverse()) await step().catch(() => undefined);
    throw error;
  }
}

const HELLO = `# Try it: conifer job create hello who=world
name: hello
description: Says hello, and on which machine
command: echo hello {{who}} from $(hostname)
parameters:
  who: { type: string, default: world, help: who is greeted }
`;

/** Removes from a name what a site's name may not hold. */
function toName(text: string): string {
  const name = text.replace(/[^A-Za-z0-9_.-]+/g, "-").replace(/^[^A-Za-z]+/, "");
  return name === "" ? "site" : name.slice(0, 128);
}

async function renewToken(known: SiteIdentity, directory: string, options: InitSite): Promise<SiteIdentity> {
  if (options.name !== undefined && options.name !== known.name)
    throw new ConiferError("ALREADY_EXISTS", { kind: "site", name: `${known.name} in ${directory}` });
  const site = await options.client.call("siteGet", { params: { id: known.siteId } }).catch((cause: unknown) => {
    if (!isConiferError(cause) || cause.code !== "NOT_FOUND") throw cause;
    const what = `${directory} is site ${known.name} (${known.siteId})`;
    const problem = `this server does not know it; remove ${siteLayout(directory).marker} to register it anew`;
    throw new ConiferError("CONFLICT", { what, problem }, { cause });
  });
  const identity = { ...known, siteId: site.id, name: site.name, address: options.access.address };
  await mkdir(siteLayout(directory).run, { recursive: true, mode: 0o700 });
  await makeToken(siteLayout(directory), site.name, options, []);
  await writeSiteIdentity(directory, identity);
  return identity;
}

async function makeToken(layout: SiteLayout, name: string, options: InitSite, undo: Undo[]): Promise<void> {
  const { token, info } = await options.client.call("tokenCreate", { body: { label: `site ${name}` } });
  undo.push(() => options.client.call("tokenRevoke", { params: { id: info.id } }));
  undo.push(() => rm(layout.access, { force: true }));
  const { address, fingerprint } = options.access;
  await writeSiteAccess(layout.directory, { address, fingerprint, token, tokenId: info.id });
}

async function makeDirectories(layout: SiteLayout, undo: Undo[]): Promise<void> {
  for (const path of [layout.directory, layout.apps, layout.data, layout.log, layout.run, layout.pilots]) {
    const first = await mkdir(path, { recursive: true, mode: path === layout.run ? 0o700 : 0o777 });
    if (first !== undefined) undo.push(() => rm(first, { recursive: true }));
  }
  await chmod(layout.run, 0o700);
}

async function writeNew(path: string, text: string, options: { undo: Undo[]; mode: number }): Promise<boolean> {
  const wasThere = await writeFile(path, text, { flag: "wx", mode: options.mode }).then(
    () => false,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
      return true;
    },
  );
  if (!wasThere) options.undo.push(() => rm(path, { force: true }));
  return !wasThere;
}

function orNoSite(error: unknown): null {
  if (isConiferError(error) && error.code === "NO_SITE_HERE") return null;
  throw error;
}
