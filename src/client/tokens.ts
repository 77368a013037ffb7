import type { Client } from "./client.ts";
import type { Token } from "./wire/entities.ts";
import type { AnswerOf } from "./wire/operations.ts";

export interface Tokens {
  list(): Promise<readonly Token[]>;
  /** Makes a token for the same user; its text is told once. Default: it never expires. */
  create(options?: { readonly label?: string; readonly expiresSec?: number }): Promise<AnswerOf<"tokenCreate">>;
  revoke(id: number): Promise<void>;
}

export function openTokens(client: Client): Tokens {
  return {
    list: async () => (await client.call("tokenList")).items,
    create: ({ label = "", expiresSec } = {}) =>
      client.call("tokenCreate", { body: { label, expiresSec: expiresSec ?? null } }),
    async revoke(id) {
      await client.call("tokenRevoke", { params: { id } });
    },
  };
}
