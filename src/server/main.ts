/** The server's process: flags in, one server, an orderly end at SIGTERM or SIGINT. What goes wrong at the start is the last line of its output, as JSON. */
import { parseArgs } from "node:util";
import { ConiferError, isConiferError, messageOf } from "../model/errors.ts";
import { problemOf } from "./http/problems.ts";
import { type ServerOptions, startServer } from "./index.ts";

const FLAGS = {
  directory: { type: "string" },
  database: { type: "string" },
  listen: { type: "string" },
  tls: { type: "boolean" },
  "no-tls": { type: "boolean" },
  "lease-sec": { type: "string" },
  "take-over-lock": { type: "boolean" },
  "log-level": { type: "string" },
} as const;

async function main(): Promise<void> {
  const ended = new Promise<number>((resolve) => {
    process.once("SIGTERM", () => resolve(0));
    process.once("SIGINT", () => resolve(0));
  });
  try {
    const server = await startServer(readFlags(process.argv.slice(2)));
    const code = await Promise.race([ended, server.failed.then(fail)]);
    await server[Symbol.asyncDispose]();
    process.exit(code);
  } catch (error) {
    process.exit(fail(error));
  }
}

function readFlags(argv: readonly string[]): ServerOptions {
  const { values } = parse(argv);
  if (values.directory === undefined)
    throw new ConiferError("BAD_INPUT", { where: "--directory", problem: "it is missing" });
  return {
    directory: values.directory,
    database: values.database,
    listen: values.listen,
    tls: values["no-tls"] ? false : values.tls,
    leaseSec: values["lease-sec"] === undefined ? undefined : Number(values["lease-sec"]),
    takeOverLock: values["take-over-lock"],
    logLevel: values["log-level"],
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: FLAGS, strict: true });
  } catch (error) {
    throw new ConiferError("BAD_INPUT", { where: "flags", problem: messageOf(error) }, { cause: error });
  }
}

/** Says what went wrong, for people and for the program that started this one; answers the exit code. */
function fail(error: unknown): number {
  const known = isConiferError(error)
    ? error
    : new ConiferError("INTERNAL", { problem: messageOf(error) }, { cause: error });
  if (known.code === "INTERNAL") process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.stderr.write(`${JSON.stringify(problemOf(known))}\n`);
  return known.exitCode;
}

await main();
