import packageJson from "../../../package.json" with { type: "json" };
import type { Access } from "../../client/client.ts";
import { messageOf } from "../../model/errors.ts";
import { readSiteIdentity } from "../directory/identity.ts";
import { siteLayout } from "../directory/layout.ts";
import { readSiteAccess } from "../directory/site-access.ts";
import { readSettings } from "../settings/read-settings.ts";
import { type DoctorLine, fail, warn } from "./line.ts";
import { checkMachine } from "./machine.ts";
import { checkServer } from "./server.ts";
import { checkSite } from "./site.ts";

/**
 * Checks everything a site needs: the machine, the directory, the agent, and the way to the server with the site's own
 * token. `directory` null: the machine, and the server with the user's access where there is one.
 */
export async function doctor(options: {
  readonly directory: string | null;
  readonly access: Access | null;
}): Promise<readonly DoctorLine[]> {
  const { directory } = options;
  const { version } = packageJson;
  const machine = await checkMachine();
  if (directory === null) {
    const none = [warn("server", "none is known here", "conifer server start, or conifer login ADDRESS")];
    const { access } = options;
    const server = access === null ? none : await checkServer({ access, siteId: null, directory, version });
    return [...machine, ...server];
  }
  const site = await checkSite(directory);
  try {
    const { siteId } = await readSiteIdentity(directory);
    const own = await readSiteAccess(directory);
    const settings = await readSettings(siteLayout(directory).settings).catch(() => null);
    const access = { ...own, address: settings?.server.address ?? own.address };
    return [...machine, ...site, ...(await checkServer({ access, siteId, directory, version }))];
  } catch (error) {
    const fix = `Run conifer site init ${directory} to renew the site's token.`;
    return [...machine, ...site, fail("server", messageOf(error), fix)];
  }
}
