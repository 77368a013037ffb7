import type { User } from "../../client/wire/entities.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Cli } from "../cli.ts";
import { confirm } from "../terminal/confirm.ts";
import { formatAgo } from "../terminal/times.ts";

/** `conifer user add` */
export async function addUser(cli: Cli, options: { admin?: boolean }, name: string): Promise<void> {
  const { client } = await cli.conifer();
  const made = await client.call("userCreate", { body: { name, admin: options.admin === true } });
  cli.terminal.answer(made, ({ token }) => `${token}\n`);
  cli.terminal.note(`added user ${name}; the token is shown this once, they log in with it: conifer login ADDRESS`);
}

/** `conifer user ls` */
export async function listUsers(cli: Cli): Promise<void> {
  const { client } = await cli.conifer();
  const { items } = await client.call("userList");
  cli.terminal.rows<User>(items, {
    columns: [
      { title: "ID", value: (user) => user.id, align: "right" },
      { title: "NAME", value: (user) => user.name },
      { title: "ROLE", value: (user) => (user.admin ? "admin" : "user") },
      { title: "ADDED", value: (user) => formatAgo(user.created) },
    ],
    empty: "no users",
  });
}

/** `conifer user rm` */
export async function removeUser(cli: Cli, options: { yes?: boolean }, name: string): Promise<void> {
  const { client } = await cli.conifer();
  const { items } = await client.call("userList");
  const user = items.find((one) => one.name === name);
  if (!user) throw new ConiferError("NOT_FOUND", { kind: "user", name, list: "user" });
  await confirm(cli.terminal, `Remove user ${name} with all sites, apps and jobs of theirs?`, options.yes === true);
  await client.call("userDelete", { params: { id: user.id } });
  cli.terminal.answer(user, () => `removed user ${name}\n`);
}
