import { APP_MARK } from "../../app/define.ts";
import { HOOK_NAMES, type HookName } from "../../model/states.ts";
import { loadModule } from "./load-module.ts";
import type { DescribedApp } from "./messages.ts";

/** The apps that a bundled module exports, in the order of their names; the module's own code runs here. */
export async function describeApps(module: string): Promise<DescribedApp[]> {
  const exports = await loadModule(module);
  return Object.entries(exports).flatMap(([exportName, value]) => {
    if (typeof value !== "object" || value === null || Reflect.get(value, APP_MARK) !== true) return [];
    const { hooks, [APP_MARK]: _mark, ...definition } = value as Record<string, unknown>;
    const given = Object.entries(typeof hooks === "object" && hooks !== null ? hooks : {});
    const isHook = ([name, hook]: [string, unknown]) => isHookName(name) && typeof hook === "function";
    return {
      exportName,
      definition: definition as DescribedApp["definition"],
      hooks: given.filter(isHook).map(([name]) => name as HookName),
      badHooks: given.filter((entry) => entry[1] !== undefined && !isHook(entry)).map(([name]) => name),
    };
  });
}

function isHookName(name: string): name is HookName {
  return (HOOK_NAMES as readonly string[]).includes(name);
}
