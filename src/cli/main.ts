/**
 * The command line. Errors are one line and a hint on stderr (a problem document with --json), and the exit code is the
 * error table's. A reader that goes away (`conifer job ls | head`) and Ctrl-C end it quietly.
 */
import { CommanderError } from "commander";
import { ConiferError, isConiferError, messageOf } from "../model/errors.ts";
import { openCli } from "./cli.ts";
import { versionOf } from "./package.ts";
import { formatProblem } from "./problem.ts";
import type { Start } from "./tree/leaf.ts";
import { makeProgram } from "./tree/program.ts";

const INTERRUPTED = 130;

async function main(argv: readonly string[]): Promise<void> {
  const interrupted = new AbortController();
  const onInterrupt = () => {
    // A second Ctrl-C does not wait for anybody.
    if (interrupted.signal.aborted) process.exit(INTERRUPTED);
    interrupted.abort(new Error("interrupted"));
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onInterrupt);
  for (const stream of [process.stdout, process.stderr]) stream.on("error", endOnBrokenPipe);

  const start: Start = async ({ load, options, args }) => {
    const { cli, close } = openCli({
      json: options.json === true,
      streams: process,
      env: process.env,
      cwd: process.cwd(),
      signal: interrupted.signal,
      exitWith: (code) => {
        process.exitCode = code;
      },
      program: () => program,
    });
    try {
      const action = await load();
      await action(cli, options as never, ...(args as never[]));
    } finally {
      await close();
    }
  };

  const program = makeProgram(versionOf(), start);
  try {
    await program.parseAsync([...argv], { from: "user" });
    if (interrupted.signal.aborted) process.exitCode ??= INTERRUPTED;
  } catch (error) {
    process.exitCode = interrupted.signal.aborted ? INTERRUPTED : report(error, argv);
  } finally {
    process.removeListener("SIGINT", onInterrupt);
    process.removeListener("SIGTERM", onInterrupt);
  }
}

/** Says what went wrong and answers the exit code. */
function report(thrown: unknown, argv: readonly string[]): number {
  if (thrown instanceof CommanderError) {
    if (thrown.exitCode === 0) return 0;
    if (thrown.code === "commander.help") return 2;
  }
  const end = argv.indexOf("--");
  const json = (end === -1 ? argv : argv.slice(0, end)).includes("--json");
  process.stderr.write(formatProblem(toConiferError(thrown), { json, env: process.env, isTty: process.stderr.isTTY }));
  return toConiferError(thrown).exitCode;
}

function toConiferError(thrown: unknown): ConiferError {
  if (isConiferError(thrown)) return thrown;
  if (thrown instanceof CommanderError) {
    const problem = thrown.message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
    return new ConiferError("BAD_COMMAND", { problem });
  }
  return new ConiferError("INTERNAL", { problem: messageOf(thrown) }, { cause: thrown });
}

function endOnBrokenPipe(error: Error): void {
  if ("code" in error && (error.code === "EPIPE" || error.code === "EIO")) process.exit(process.exitCode ?? 0);
  throw error;
}

await main(process.argv.slice(2));
