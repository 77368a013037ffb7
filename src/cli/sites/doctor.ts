import { findAccess } from "../../client/access.ts";
import { isConiferError } from "../../model/errors.ts";
import { doctor } from "../../site/index.ts";
import type { Cli } from "../cli.ts";
import type { Style } from "../terminal/colour.ts";
import { clean } from "../terminal/text.ts";
import { siteDirectory } from "./which.ts";

const STYLES: Record<"ok" | "warn" | "fail", Style> = { ok: "green", warn: "yellow", fail: "red" };

/** `conifer site doctor`; code 1 where a check failed. */
export async function runDoctor(cli: Cli, _options: object, named?: string): Promise<void> {
  const here = await cli.here();
  const directory = named === undefined && here === null ? null : await siteDirectory(cli, named);
  const access = await findAccess({ env: cli.env, home: cli.home }).catch((error: unknown) => {
    if (isConiferError(error)) return null;
    throw error;
  });
  const items = await doctor({ directory, access });
  const { paint } = cli.terminal;
  cli.terminal.answer({ items }, () =>
    items
      .map(({ check, level, text, fix }) => {
        const line = `${paint(STYLES[level], level.padEnd(4))}  ${clean(check)}: ${clean(text)}\n`;
        return fix === null ? line : `${line}      ${paint("dim", "do:")} ${clean(fix)}\n`;
      })
      .join(""),
  );
  if (items.some((item) => item.level === "fail")) cli.exitWith(1);
}
