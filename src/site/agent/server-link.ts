import { type Access, type Client, openClient, type StreamEvent } from "../../client/client.ts";
import { isConiferError } from "../../model/errors.ts";
import type { SiteAccess } from "../directory/site-access.ts";

export type ServerLinkOptions = {
  /** Reads the site's access; asked again when the server does not know the token or does not answer. */
  readonly readAccess: () => Promise<SiteAccess>;
  readonly userAgent: string;
  readonly onRenewed?: () => void;
};

/**
 * The agent's way to the server. A token or an address that was renewed on disk is taken up at the next call that fails,
 * so that a revoked token or a server that moved needs no restart of the agent.
 */
export class ServerLink implements Client {
  readonly #options: ServerLinkOptions;
  #access: Access;
  #client: Client;

  private constructor(access: Access, options: ServerLinkOptions) {
    this.#options = options;
    this.#access = access;
    this.#client = openClient(access, { userAgent: options.userAgent });
  }

  static async open(options: ServerLinkOptions): Promise<ServerLink> {
    return new ServerLink(await options.readAccess(), options);
  }

  get address(): string {
    return this.#access.address;
  }

  /** What pilots are given. */
  get access(): Access {
    const { address, token, fingerprint } = this.#access;
    return { address, token, fingerprint };
  }

  readonly call: Client["call"] = async (name, options) => {
    try {
      return await this.#client.call(name, options);
    } catch (error) {
      if (!(mayBeStale(error) && (await this.#renew()))) throw error;
      return this.#client.call(name, options);
    }
  };

  async *stream(
    path: string,
    options: { query?: Record<string, string>; signal: AbortSignal },
  ): AsyncGenerator<StreamEvent, void> {
    try {
      yield* this.#client.stream(path, options);
    } catch (error) {
      if (mayBeStale(error)) await this.#renew();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }

  /** Takes up what is on disk; false where that is nothing new. */
  async #renew(): Promise<boolean> {
    const access = await this.#options.readAccess().catch(() => null);
    if (access === null) return false;
    const { address, token, fingerprint } = this.#access;
    if (access.address === address && access.token === token && access.fingerprint === fingerprint) return false;
    const before = this.#client;
    this.#access = access;
    this.#client = openClient(access, { userAgent: this.#options.userAgent });
    this.#options.onRenewed?.();
    // Streams of the old client end, and their readers come back on the new one.
    await before[Symbol.asyncDispose]();
    return true;
  }
}

function mayBeStale(error: unknown): boolean {
  return isConiferError(error) && ["NOT_LOGGED_IN", "FINGERPRINT_MISMATCH", "SERVER_UNREACHABLE"].includes(error.code);
}
