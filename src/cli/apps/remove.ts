import type { Cli } from "../cli.ts";
import { confirm } from "../terminal/confirm.ts";
import { whereFrom } from "./find.ts";

/** `conifer app rm` */
export async function removeApp(cli: Cli, options: { site?: string; yes?: boolean }, name: string): Promise<void> {
  const conifer = await cli.conifer();
  const app = await whereFrom(cli, conifer, name, options.site);
  const jobs = await conifer.jobs.filter({ app: app.name, site: app.site }).count();
  await confirm(
    cli.terminal,
    `Remove app ${app.name} of site ${app.site} with its ${jobs} jobs?`,
    options.yes === true,
  );
  await conifer.apps.delete(app.id);
  cli.terminal.answer(
    { id: app.id, name: app.name, site: app.site, jobs },
    () => `removed app ${app.name} of site ${app.site}\n`,
  );
}
