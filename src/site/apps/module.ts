import type { AgentContext } from "../agent/context.ts";
import { type AgentModule, repeat } from "../agent/module.ts";
import type { AppCatalog } from "./catalog.ts";

/** Long enough to be never: files are told to the server when the agent starts, and by `conifer app sync`. */
const NEVER_SEC = 1_000_000;

/** Tells the server what the app files hold when the agent starts. */
export function appsModule(context: AgentContext, catalog: AppCatalog): AgentModule {
  return {
    name: "apps",
    async run(signal, say) {
      let isTold = false;
      const step = async () => {
        if (isTold) return;
        const apps = (await catalog.apps()).map(({ definition }) => definition);
        const body = { site: context.identity.siteId, apps };
        if (apps.length > 0) await context.client.call("appSync", { body, retry: true });
        isTold = true;
        const problems = context.notices.apps.length;
        say("running", `${apps.length} apps read${problems === 0 ? "" : `, ${problems} files do not read`}`);
      };
      await repeat(step, { signal, say, bell: context.bells.apps, everySec: () => NEVER_SEC });
    },
  };
}
