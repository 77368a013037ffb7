import type { Cli } from "../cli.ts";
import { selectOne } from "../select/selection.ts";
import { readParents } from "./links.ts";

/** `conifer job dep` */
export async function addDependencies(
  cli: Cli,
  _options: object,
  job: string,
  parents: readonly string[],
): Promise<void> {
  const { client } = await cli.conifer();
  const id = await selectOne(cli, job, "job dep");
  const body = { parents: await readParents(cli, parents, "job dep") };
  const changed = await client.call("jobDependencies", { params: { id }, body });
  const all = changed.parents.map((one) => (one.when === "ok" ? `${one.job}` : `${one.job}:${one.when}`));
  cli.terminal.answer(changed, () => `job ${id} waits for ${all.join(", ")}\n`);
}
