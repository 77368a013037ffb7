/** The thread in which PGlite runs: takes protocol messages, answers in their order, ends itself at the first fault. */
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../model/errors.ts";
import { createCluster } from "./pglite/create-cluster.ts";
import { Engine } from "./pglite/engine.ts";
import type { FromThread, ThreadSettings, ToThread } from "./pglite/thread-messages.ts";

if (parentPort === null) throw new Error("the PGlite worker runs only as a worker thread");
const port = parentPort;

function say(message: FromThread): void {
  port.postMessage(message, message.kind === "piece" ? [message.bytes.buffer as ArrayBuffer] : []);
}

async function handle(engine: Engine, message: ToThread): Promise<void> {
  switch (message.kind) {
    case "run":
      for (const statement of message.statements) {
        await engine.run(statement, (bytes, isLast) => say({ kind: "piece", bytes, isLast }));
        await engine.checkpointIfDue();
      }
      break;
    case "close":
      await engine.close();
      say({ kind: "closed" });
      port.close();
      break;
  }
}

async function main({ cluster, durable }: ThreadSettings): Promise<void> {
  // A failed engine is not closed: closing would write to files that only the log may repair.
  const giveUp = (error: unknown): void => {
    say({ kind: "fault", problem: messageOf(error) });
    port.close();
    process.exit(1);
  };
  try {
    await createCluster(cluster);
    const engine = await Engine.start({ directory: cluster, durable });
    let work = Promise.resolve();
    port.on("message", (message: ToThread) => {
      work = work.then(() => handle(engine, message)).catch(giveUp);
    });
    say({ kind: "ready" });
  } catch (error) {
    giveUp(error);
  }
}

await main(workerData as ThreadSettings);
