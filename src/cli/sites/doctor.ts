import { findAccess } from "../../client/access.ts";
import { ConiferError, isConiferError } from "../../model/errors.ts";
import { type DoctorLine, doctor, doctorFromNode } from "../../site/index.ts";
import type { Cli } from "../cli.ts";
import type { Style } from "../terminal/colour.ts";
import { openLiveLine } from "../terminal/live.ts";
import { clean } from "../terminal/text.ts";
import { siteDirectory } from "./which.ts";

const STYLES: Record<"ok" | "warn" | "fail", Style> = { ok: "green", warn: "yellow", fail: "red" };
const WITHIN_SEC = 1800;

type Options = {
  readonly fromNode?: boolean;
  readonly queue?: string;
  readonly project?: string;
  readonly within?: number;
};

/** `conifer site doctor`; code 1 where a check failed. */
export async function runDoctor(cli: Cli, options: Options, named?: string): Promise<void> {
  const here = await cli.here();
  const directory = named === undefined && here === null ? null : await siteDirectory(cli, named);
  if (options.fromNode && directory === null) throw new ConiferError("NO_SITE_HERE", { directory: cli.cwd });
  const access = await findAccess({ env: cli.env, home: cli.home }).catch((error: unknown) => {
    if (isConiferError(error)) return null;
    throw error;
  });
  const near = await doctor({ directory, access });
  const far = options.fromNode && directory !== null ? await lookFromNode(cli, directory, options) : [];
  const items = [...near, ...far];
  cli.terminal.answer({ items }, () => items.map((item) => format(cli, item)).join(""));
  if (items.some((item) => item.level === "fail")) cli.exitWith(1);
}

async function lookFromNode(cli: Cli, directory: string, options: Options): Promise<readonly DoctorLine[]> {
  const live = openLiveLine(cli.terminal);
  try {
    return await doctorFromNode({
      directory,
      queue: options.queue ?? "",
      project: options.project ?? "",
      withinSec: options.within ?? WITHIN_SEC,
      signal: cli.signal,
      onProgress: (text) => live.show(text),
    });
  } finally {
    live.clear();
  }
}

function format(cli: Cli, { check, level, text, fix }: DoctorLine): string {
  const { paint } = cli.terminal;
  const line = `${paint(STYLES[level], level.padEnd(4))}  ${clean(check)}: ${clean(text)}\n`;
  return fix === null ? line : `${line}      ${paint("dim", "do:")} ${clean(fix)}\n`;
}
