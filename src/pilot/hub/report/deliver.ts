import type { Client } from "../../../client/client.ts";
import { isGone } from "../source/again.ts";
import { openJournal, readJournal } from "./journal.ts";
import { lostItems } from "./outbox.ts";

export interface Delivery {
  /** Items the server took. */
  readonly delivered: number;
  /** Tasks that were under way when the pilot died. */
  readonly lost: number;
}

const mostItems = 1000;

/**
 * Tells the server what a dead pilot could not tell any more, from the journal in its directory: reports that were not
 * acknowledged, then that the tasks under way are lost. Call it only once none of the pilot's processes runs. A repeat
 * changes nothing; neither does a session that the server has ended. Throws where the server does not answer: call again.
 */
export async function deliverJournal(
  directory: string,
  client: Pick<Client, "call">,
  now: () => number = Date.now,
): Promise<Delivery> {
  if (!readJournal(directory)) return { delivered: 0, lost: 0 };
  const journal = openJournal({ directory, onProblem: () => {} });
  try {
    const { outbox } = journal;
    const { session } = outbox;
    if (session === null) return { delivered: 0, lost: 0 };
    const lost = outbox.open.size;
    if (lost > 0) journal.add({ items: lostItems(outbox, now(), "its pilot died") });
    let delivered = 0;
    while (outbox.items.length > 0) {
      if (outbox.inBatch === 0)
        journal.add({ report: outbox.lastBatch + 1, count: Math.min(mostItems, outbox.items.length) });
      journal.flush();
      const items = outbox.items.slice(0, outbox.inBatch);
      await client.call("sessionReport", {
        params: { id: session },
        body: { batch: outbox.lastBatch, items },
        retry: true,
      });
      journal.add({ acked: outbox.lastBatch });
      delivered += items.length;
    }
    return { delivered, lost };
  } catch (error) {
    if (isGone(error)) return { delivered: 0, lost: 0 };
    throw error;
  } finally {
    journal.close();
  }
}
