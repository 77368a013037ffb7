import { expect, it } from "vitest";
import { ConiferError } from "../../model/errors.ts";
import { type AgentContext, makeBells } from "../agent/context.ts";
import type { AppCatalog } from "../apps/catalog.ts";
import { hooksModule } from "./module.ts";

it("a request for hooks after a lost answer takes over what was in it and names what is held", async () => {
  const stop = new AbortController();
  const asked: object[] = [];
  const task = { job: { id: 5, app: "app", attempt: 1 }, hook: "onError", failure: "exit" };
  const bells = makeBells();
  const call = async (_: string, { body }: { body: object }) => {
    asked.push(body);
    if (asked.length === 1) return { tasks: [task] };
    if (asked.length === 2) throw new ConiferError("SERVER_UNREACHABLE", { address: "x", problem: "cut" });
    stop.abort();
    return { tasks: [] };
  };
  const context = {
    client: { call },
    identity: { siteId: 1 },
    bells,
    settings: { hooks: { workers: 1, limitSec: 10 } },
  };
  // Its code is never found: the hook runs for as long as the test does.
  let stopRunning = (_: { problem: string }) => {};
  const running = new Promise<{ problem: string }>((resolve) => {
    stopRunning = resolve;
  });
  const catalog = { hookCode: () => running } as unknown as AppCatalog;
  const module = hooksModule(context as unknown as AgentContext, catalog);
  await module.run(stop.signal, () => undefined);
  stopRunning({ problem: "" });
  const holding = [{ job: 5, attempt: 1, hook: "onError" }];
  expect(asked).toMatchObject([
    { takeOver: true, holding: [] },
    { takeOver: false, holding },
    { takeOver: true, holding },
  ]);
});
