import { readServerDirectory } from "../../client/access.ts";
import { openClient } from "../../client/client.ts";
import type { AnswerOf } from "../../client/wire/operations.ts";
import { formatDuration } from "../../model/durations.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Cli } from "../cli.ts";
import type { Paint } from "../terminal/colour.ts";
import { formatFields } from "../terminal/fields.ts";
import { readServerFile, serverDirectory, serverLives } from "./place.ts";

/** `conifer server status`: of a directory's server, or of the one that commands use. */
export async function showServer(cli: Cli, options: { directory?: string }): Promise<void> {
  const { paint } = cli.terminal;
  if (options.directory !== undefined) await mustLive(cli, options.directory);
  const access =
    options.directory === undefined ? null : await readServerDirectory(serverDirectory(cli, options.directory));
  if (access !== null) {
    await using client = openClient(access, { retries: 1 });
    const status = await client.call("status");
    return cli.terminal.answer({ address: access.address, ...status }, (all) => formatServer(all, paint));
  }
  const { client } = await cli.conifer();
  const status = await client.call("status");
  cli.terminal.answer({ address: client.address, ...status }, (all) => formatServer(all, paint));
}

async function mustLive(cli: Cli, named: string): Promise<void> {
  const directory = serverDirectory(cli, named);
  const server = await readServerFile(directory);
  if (server !== null && (await serverLives(server)) !== false) return;
  throw new ConiferError("NOT_RUNNING", { what: `The server in ${directory}`, command: `server start -d ${named}` });
}

/** The server at a glance, as a block of lines. */
export function formatServer(status: AnswerOf<"status"> & { readonly address: string }, paint: Paint): string {
  const jobs = status.jobsByState.reduce((sum, { count }) => sum + count, 0);
  return formatFields(
    [
      ["server", status.address, "bold"],
      ["version", status.version],
      ["database", `${status.engine}, ${status.database}`],
      ["process", `${status.pid}, up ${formatDuration(status.uptimeSec)}`],
      ["jobs", jobs],
      ["pilots", status.sessions],
      ["lease", formatDuration(status.leaseSec)],
    ],
    paint,
  );
}
