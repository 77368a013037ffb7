import type { Command } from "commander";
import { coniferHome } from "../client/access.ts";
import type { Conifer } from "../client/connect.ts";
import { findHere, type SiteHere } from "./here.ts";
import { openTerminal, type Streams, type Terminal } from "./terminal/terminal.ts";

/** What a command runs with. */
export type Cli = {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** CONIFER_HOME, or ~/.conifer. */
  readonly home: string;
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
  /** The server, connected to at the first call. */
  conifer(): Promise<Conifer>;
  /** The site whose directory the command was called in, or null. */
  here(): Promise<SiteHere | null>;
  /** Ends with this exit code although nothing was thrown. */
  exitWith(code: number): void;
  /** The whole tree of commands. */
  readonly program: () => Command;
};

export type CliOptions = {
  readonly json: boolean;
  readonly streams: Streams;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly exitWith: (code: number) => void;
  readonly program: () => Command;
};

/** Makes it; `close` ends the connection. */
export function openCli(options: CliOptions): { readonly cli: Cli; readonly close: () => Promise<void> } {
  const { json, streams, env, cwd, signal, exitWith, program } = options;
  const home = coniferHome(env);
  let connected: Promise<Conifer> | null = null;
  let here: Promise<SiteHere | null> | null = null;
  const open = async (): Promise<Conifer> => {
    const { connect } = await import("../client/connect.ts");
    return connect({ env, home, retries: 2, userAgent: "conifer-cli" });
  };
  const cli: Cli = {
    terminal: openTerminal(streams, { json, env }),
    env,
    cwd,
    home,
    signal,
    conifer() {
      connected ??= open();
      return connected;
    },
    here() {
      here ??= findHere(cwd);
      return here;
    },
    exitWith,
    program,
  };
  return { cli, close: async () => (await connected?.catch(() => null))?.close() };
}
