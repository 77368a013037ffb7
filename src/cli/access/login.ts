import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { text } from "node:stream/consumers";
import { type Access, findAccess, forgetLogin, readServerDirectory, storeLogin } from "../../client/access.ts";
import { openClient } from "../../client/client.ts";
import { askFingerprint, normalize } from "../../client/transport/connection.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Cli } from "../cli.ts";
import { confirm } from "../terminal/confirm.ts";

type Options = {
  readonly tokenFile?: string;
  readonly directory?: string;
  readonly fingerprint?: string;
  readonly yes?: boolean;
};

/** `conifer login`: what it stores is tried first. */
export async function login(cli: Cli, options: Options, address?: string): Promise<void> {
  const access =
    options.directory === undefined
      ? await askedAccess(cli, options, address)
      : await ownAccess(cli, options.directory);
  await using client = openClient(access, { retries: 1 });
  const user = await client.call("whoami");
  await storeLogin(cli.home, access);
  const { fingerprint } = access;
  cli.terminal.answer({ user, address: access.address, fingerprint }, () => `${user.name} at ${access.address}\n`);
}

/** `conifer logout` */
export async function logout(cli: Cli): Promise<void> {
  const forgotten = await forgetLogin(cli.home);
  cli.terminal.answer({ forgotten }, () => (forgotten ? "forgot the server\n" : "no server was stored\n"));
}

/** `conifer whoami` */
export async function whoami(cli: Cli): Promise<void> {
  const { address, fingerprint } = await findAccess({ env: cli.env, home: cli.home });
  const user = await (await cli.conifer()).whoami();
  cli.terminal.answer(
    { user, address, fingerprint },
    () => `${user.name}${user.admin ? " (admin)" : ""} at ${address}\n`,
  );
}

async function ownAccess(cli: Cli, directory: string): Promise<Access> {
  const access = await readServerDirectory(resolve(cli.cwd, directory));
  if (access) return access;
  throw new ConiferError("NOT_RUNNING", {
    what: `The server in ${directory}`,
    command: `server start -d ${directory}`,
  });
}

async function askedAccess(cli: Cli, options: Options, address: string | undefined): Promise<Access> {
  if (address === undefined)
    throw new ConiferError("BAD_INPUT", { where: "login", problem: "name the server's address, or its --directory" });
  const fingerprint = address.startsWith("https:") ? await trustedFingerprint(cli, options, address) : null;
  return { address: address.replace(/\/+$/, ""), token: await readToken(cli, options), fingerprint };
}

async function trustedFingerprint(cli: Cli, options: Options, address: string): Promise<string> {
  if (options.fingerprint !== undefined) return normalize(options.fingerprint);
  const shown = await askFingerprint(address);
  if (options.yes) return shown;
  if (!cli.terminal.canAsk)
    throw new ConiferError("BAD_INPUT", {
      where: "--fingerprint",
      problem: `the server shows ${shown}; give it here if its owner told you the same`,
    });
  await confirm(cli.terminal, `The server shows certificate ${shown}.\nIs that what its owner told you?`, false);
  return shown;
}

async function readToken(cli: Cli, options: Options): Promise<string> {
  const given = await tokenText(cli, options);
  const token = given.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new ConiferError("BAD_INPUT", { where: "token", problem: "expected one word" });
}

async function tokenText(cli: Cli, options: Options): Promise<string> {
  if (options.tokenFile !== undefined) {
    const file = resolve(cli.cwd, options.tokenFile);
    return readFile(file, "utf8").catch((cause: unknown) => {
      throw new ConiferError("BAD_INPUT", { where: "--token-file", problem: `${file} cannot be read` }, { cause });
    });
  }
  if (!cli.terminal.canAsk) return text(process.stdin);
  // What is typed is not shown: readline writes to nowhere.
  process.stderr.write("Token: ");
  const reader = createInterface({ input: process.stdin, terminal: true });
  const answer = await reader.question("", { signal: cli.signal });
  reader.close();
  process.stderr.write("\n");
  return answer;
}
