import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { Listeners } from "../listeners.ts";
import { postgresFailure } from "./failures.ts";
import { clientConfig, type PostgresAddress } from "./session.ts";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** A connection that died without a word (a firewall, a pulled cable) is found out by asking. */
const PING_MS = 30_000;
const PING_TIMEOUT_MS = 10_000;

/** The one connection that hears notifications; it is made when first needed, and made again whenever it breaks. */
export class PostgresListener implements AsyncDisposable {
  readonly #address: PostgresAddress;
  readonly #listeners = new Listeners();
  #client: Client | undefined;
  #connecting: Promise<Client> | undefined;
  #isClosed = false;

  constructor(address: PostgresAddress) {
    this.#address = address;
  }

  listen(channel: string, onPayload: (payload: string) => void): Promise<AsyncDisposable> {
    return this.#listeners.add(channel, onPayload, async (command) => {
      const client = await this.#connected();
      await client.query(command).catch((error: unknown) => {
        throw postgresFailure(error, this.#address.place);
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const client = await this.#connecting?.catch(() => undefined);
    await (client ?? this.#client)?.end();
  }

  #connected(): Promise<Client> {
    if (this.#client !== undefined) return Promise.resolve(this.#client);
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #connect(): Promise<Client> {
    const client = new Client({ ...clientConfig(this.#address), query_timeout: PING_TIMEOUT_MS });
    let isUp = false;
    // Both may come, and before the connection is up, too, when its failure is the caller's to hear.
    const onEnd = (): void => {
      if (!isUp || this.#client !== client) return;
      this.#client = undefined;
      clearInterval(ping);
      if (!this.#isClosed) void this.#reconnect();
    };
    client.on("error", onEnd);
    client.on("end", onEnd);
    client.on("notification", ({ channel, payload }) => this.#listeners.tell(channel, payload ?? ""));
    const ping = setInterval(() => void client.query("SELECT 1").catch(() => client.end()), PING_MS);
    ping.unref();
    try {
      await client.connect();
      for (const channel of this.#listeners.channels) await client.query(`LISTEN ${channel}`);
    } catch (error) {
      clearInterval(ping);
      await client.end().catch(() => {});
      throw postgresFailure(error, this.#address.place);
    }
    isUp = true;
    this.#client = client;
    return client;
  }

  async #reconnect(): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; !this.#isClosed; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        await this.#connected();
        this.#listeners.tellAll();
        return;
      } catch {
        // The pool's statements tell the user that the server is away; here it is only waited for.
        await sleep(pauseMs, undefined, { ref: false });
      }
    }
  }
}
