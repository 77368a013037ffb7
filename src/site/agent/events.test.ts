import { expect, test } from "vitest";
import type { StreamEvent } from "../../client/client.ts";
import { ConiferError } from "../../model/errors.ts";
import { makeBells } from "./context.ts";
import { eventsModule } from "./events.ts";

test("an agent that only begins to connect is not said to lack the server; one that lost it is", async () => {
  const told: string[] = [];
  const stop = new AbortController();
  const answers: (() => AsyncGenerator<StreamEvent, void>)[] = [
    async function* () {
      yield { event: "open", data: null };
    },
    // biome-ignore lint/correctness/useYield: it fails before there is anything to tell
    async function* () {
      throw new ConiferError("SERVER_UNREACHABLE", { address: "a", problem: "gone" });
    },
  ];
  const client = {
    call: () => Promise.reject(new Error("nothing is called")),
    async *stream() {
      const next = answers.shift();
      if (next === undefined) return stop.abort();
      yield* next();
    },
  };
  const context = { client, identity: { siteId: 1 }, bells: makeBells() } as never;
  await eventsModule(context).run(stop.signal, (state, text) => void told.push(`${state}: ${text}`));
  expect(told.slice(0, 4)).toEqual([
    "running: connecting",
    "running: ",
    "waiting: the server is not connected",
    expect.stringMatching(/^waiting: No answer/),
  ]);
});
