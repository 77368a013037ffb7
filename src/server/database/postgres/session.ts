import type { ClientConfig } from "pg";

/** Whom to connect to: the driver's own settings, and how to name it in messages. */
export type PostgresAddress = { readonly config: ClientConfig; readonly place: string };

/**
 * What every connection starts with. Values must print the same whatever the server's defaults are. The limits end what
 * nobody waits for any more: a statement after five minutes, a transaction whose client is gone after one and a half. JIT compilation
 * costs the short statements of a job queue more than they take. A server set to acknowledge commits before they are on
 * disk is overruled, for what Conifer says is stored must be.
 */
export const START_SESSION = `
  SET TIME ZONE 'UTC';
  SET datestyle = 'ISO, MDY';
  SET intervalstyle = 'postgres';
  SET bytea_output = 'hex';
  SET extra_float_digits = 1;
  SET standard_conforming_strings = on;
  SET client_min_messages = warning;
  SET jit = off;
  SET statement_timeout = '5min';
  SET lock_timeout = '30s';
  SET idle_in_transaction_session_timeout = '90s';
  SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`;

/** The driver's settings for one connection. Values come as their text: decoding them is `values/`'s business. */
export function clientConfig({ config }: PostgresAddress): ClientConfig {
  return {
    ...config,
    application_name: "conifer",
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: { getTypeParser: () => (value: string) => value },
  };
}
