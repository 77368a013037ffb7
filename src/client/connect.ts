/**
 * The SDK: `connect()` finds the server and answers an object with everything in it, by kind. All of it goes through
 * the typed client, which is there too (`conifer.client`) for operations that have no sugar.
 */
import { type Access, findAccess, findJobAccess } from "./access.ts";
import { type Client, type ClientOptions, openClient } from "./client.ts";
import type { LoadedJob, Shared } from "./jobs/handle.ts";
import { type Jobs, openJobs } from "./jobs/jobs.ts";
import { type Apps, type BatchJobs, openApps, openBatchJobs, openSites, type Sites } from "./places.ts";
import { openTokens, type Tokens } from "./tokens.ts";
import type { Site, User } from "./wire/entities.ts";
import type { AnswerOf, Change } from "./wire/operations.ts";
import { STREAMS } from "./wire/routes.ts";

export type ConnectOptions = ClientOptions & {
  /** Default: found as the CLI finds it (inside a job its own file, then CONIFER_ADDRESS, `conifer login`, the own server). */
  readonly access?: Access;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default CONIFER_HOME, or ~/.conifer. */
  readonly home?: string;
};

/** A connection to a server. Close it with `await using` or `close()`; a program also ends without that. */
export interface Conifer extends AsyncDisposable {
  readonly client: Client;
  readonly jobs: Jobs;
  readonly sites: Sites;
  readonly apps: Apps;
  readonly batchJobs: BatchJobs;
  readonly tokens: Tokens;
  /** The job this program runs as, or null outside of a job. */
  currentJob(): Promise<LoadedJob | null>;
  /** Who the token belongs to. */
  whoami(): Promise<User>;
  /** The server at a glance. */
  status(): Promise<AnswerOf<"status">>;
  /** What changes, as it changes, until the signal aborts. `open` comes first and after each reconnection: what happened meanwhile was not told, so look again. */
  events(options?: {
    readonly signal?: AbortSignal;
    readonly site?: string | number;
  }): AsyncGenerator<ConiferEvent, void>;
  close(): Promise<void>;
}

export type ConiferEvent = Change | { readonly kind: "open" };

/** Connects to the server; nothing is sent yet. Throws NO_TOKEN where no server is known. */
export async function connect(options: ConnectOptions = {}): Promise<Conifer> {
  const { access, env = process.env, home, ...clientOptions } = options;
  const found = access ?? (await findAccess({ env, ...(home === undefined ? {} : { home }) }));
  return openConifer(openClient(found, clientOptions), env);
}

/** The SDK over a client that is open already. */
export function openConifer(client: Client, env: Readonly<Record<string, string | undefined>> = process.env): Conifer {
  const sites = new Map<number, Promise<Site>>();
  const siteOf = (id: number): Promise<Site> => {
    const asked = sites.get(id) ?? client.call("siteGet", { params: { id } });
    sites.set(id, asked);
    asked.catch(() => sites.delete(id));
    return asked;
  };
  const shared: Shared = { client, siteOf };
  const jobs = openJobs(shared);
  const close = async () => client[Symbol.asyncDispose]();
  return {
    client,
    jobs,
    sites: openSites(client),
    apps: openApps(client),
    batchJobs: openBatchJobs(client),
    tokens: openTokens(client),
    async currentJob() {
      const own = await findJobAccess(env);
      return own === null ? null : jobs.get(own.job);
    },
    whoami: () => client.call("whoami"),
    status: () => client.call("status"),
    async *events({ signal = new AbortController().signal, site } = {}) {
      const query = site === undefined ? {} : { query: { site: String(site) } };
      for await (const { event, data } of client.stream(STREAMS.events, { signal, ...query }))
        if (event === "open") yield { kind: "open" };
        else if (typeof data === "object" && data !== null && "kind" in data) yield data as Change;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
