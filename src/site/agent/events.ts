import { type Change, changeSchema, STREAMS } from "../../client/wire/operations.ts";
import { isRunnable, type JobState } from "../../model/states.ts";
import { Bell } from "./bell.ts";
import { type AgentBells, type AgentContext, ringAll } from "./context.ts";
import { type AgentModule, repeat } from "./module.ts";

/** Hears what changes at the site and rings for the modules it concerns; each (re)connection rings for all, as something may have been missed. */
export function eventsModule(context: AgentContext): AgentModule {
  return {
    name: "events",
    async run(signal, say) {
      let isFirst = true;
      const listen = async () => {
        // An agent that has only just begun to connect lacks nothing yet.
        if (isFirst) say("running", "connecting");
        else say("waiting", "the server is not connected");
        isFirst = false;
        const query = { site: String(context.identity.siteId) };
        for await (const { event, data } of context.client.stream(STREAMS.events, { query, signal })) {
          if (event === "open") {
            say("running", "");
            ringAll(context.bells);
            continue;
          }
          const change = changeSchema.safeParse(data);
          if (change.success) for (const name of concerned(change.data)) context.bells[name].ring();
        }
      };
      await repeat(listen, { signal, say, bell: new Bell(), everySec: () => 1 });
    },
  };
}

/** Modules that a change is for. */
export function concerned(change: Change): (keyof AgentBells)[] {
  switch (change.kind) {
    case "batchJob":
      return ["batch", "elastic"];
    case "jobs": {
      const states = Object.keys(change.states) as JobState[];
      const isNewDemand = states.some(isRunnable);
      return [
        ...(isNewDemand ? ["elastic" as const] : []),
        ...(states.includes("JOB_FINISHED") ? ["clean" as const] : []),
      ];
    }
    case "site":
      return [];
  }
}
