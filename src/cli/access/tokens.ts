import type { Token } from "../../client/wire/entities.ts";
import type { Cli } from "../cli.ts";
import { formatAgo, formatTime } from "../terminal/times.ts";
import { whole } from "../tree/values.ts";

/** `conifer token create` */
export async function createToken(cli: Cli, options: { label?: string; expires?: number }): Promise<void> {
  const { tokens } = await cli.conifer();
  const made = await tokens.create({
    ...(options.label === undefined ? {} : { label: options.label }),
    ...(options.expires === undefined ? {} : { expiresSec: options.expires }),
  });
  cli.terminal.answer(made, ({ token }) => `${token}\n`);
  cli.terminal.note(`made token ${made.info.id}; it is shown this once`);
}

/** `conifer token ls` */
export async function listTokens(cli: Cli): Promise<void> {
  const items = await (await cli.conifer()).tokens.list();
  cli.terminal.rows<Token>(items, {
    columns: [
      { title: "ID", value: (token) => token.id, align: "right" },
      { title: "LABEL", value: (token) => token.label || null, least: 8 },
      { title: "MADE", value: (token) => formatAgo(token.created), drop: 1 },
      { title: "USED", value: (token) => formatAgo(token.lastUsed) },
      { title: "ENDS", value: (token) => (token.expires === null ? "never" : formatTime(token.expires)) },
    ],
    empty: "no tokens",
  });
}

/** `conifer token revoke` */
export async function revokeToken(cli: Cli, _options: object, text: string): Promise<void> {
  const id = whole("token revoke", 1)(text);
  await (await cli.conifer()).tokens.revoke(id);
  cli.terminal.answer({ id }, () => `revoked token ${id}\n`);
}
