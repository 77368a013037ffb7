import type { Change } from "../../client/wire/operations.ts";
import { Bell } from "./bell.ts";

/** What API processes tell each other. */
export type Message =
  | { readonly kind: "change"; readonly change: Change }
  | { readonly kind: "wake"; readonly siteId: number }
  | { readonly kind: "command"; readonly sessionId: number }
  | { readonly kind: "giveBack"; readonly sessionId: number; readonly count: number }
  /** Messages may have been missed: look again. */
  | { readonly kind: "missed" };

type Listener = (message: Message) => void;

/** What a change means for the site's hooks: a job has come to a state that may wait for one. */
const HOOK_STATES = ["STAGED_IN", "RUN_DONE", "RUN_ERROR", "RUN_TIMEOUT"] as const;

/**
 * Carries what changed from those who change it to those who wait for it. Everything is told after its transaction has
 * committed, and nothing is kept: who comes late reads the database. `listen` hears all messages; a bell rings for one
 * topic; `forward` (spread.ts) sends what was told here on to other API processes.
 */
export class ChangeHub {
  readonly #listeners = new Set<Listener>();
  readonly #bells = new Map<string, Set<Bell>>();
  #forward: Listener | null = null;

  /** A job, batch job or site changed. */
  publish(change: Change): void {
    this.#tell({ kind: "change", change });
  }

  /** A site may have new runnable jobs. */
  wake(siteId: number): void {
    this.#tell({ kind: "wake", siteId });
  }

  /** A session's commands changed. */
  command(sessionId: number): void {
    this.#tell({ kind: "command", sessionId });
  }

  /** Other pilots could start so many of the jobs that a session holds without having started them. */
  askBack(sessionId: number, count: number): void {
    this.#tell({ kind: "giveBack", sessionId, count });
  }

  /** Hears every message until the answer is called. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A bell that rings when one of the topics is told of. Hang it up before looking at the database, so that nothing falls in between. */
  bell(...topics: readonly Topic[]): Bell {
    const bell = new Bell(() => {
      for (const topic of topics) this.#remove(topic, bell);
    });
    for (const topic of topics) this.#bells.set(topic, (this.#bells.get(topic) ?? new Set()).add(bell));
    return bell;
  }

  /** Where messages told here also go. */
  set forward(listener: Listener | null) {
    this.#forward = listener;
  }

  /** Takes a message told in another process. */
  receive(message: Message): void {
    for (const listener of this.#listeners) listener(message);
    if (message.kind === "missed") for (const bells of this.#bells.values()) ring(bells);
    else for (const topic of topicsOf(message)) ring(this.#bells.get(topic));
  }

  #tell(message: Message): void {
    this.receive(message);
    this.#forward?.(message);
  }

  #remove(topic: Topic, bell: Bell): void {
    const bells = this.#bells.get(topic);
    bells?.delete(bell);
    if (bells?.size === 0) this.#bells.delete(topic);
  }
}

/** What can be waited for: runnable jobs of a site, hooks to run at a site, anything for a session. */
export type Topic = `runnable:${number}` | `hooks:${number}` | `session:${number}`;

function topicsOf(message: Exclude<Message, { kind: "missed" }>): Topic[] {
  switch (message.kind) {
    case "wake":
      return [`runnable:${message.siteId}`];
    case "command":
    case "giveBack":
      return [`session:${message.sessionId}`];
    case "change": {
      const { change } = message;
      return change.kind === "jobs" && HOOK_STATES.some((state) => change.states[state] !== undefined)
        ? [`hooks:${change.siteId}`]
        : [];
    }
  }
}

function ring(bells: ReadonlySet<Bell> | undefined): void {
  for (const bell of bells ?? []) bell.ring();
}
