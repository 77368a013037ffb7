import type { Change } from "../../client/wire/operations.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Database } from "../database/index.ts";
import type { RequestContext, StreamHandler } from "../http/context.ts";
import { SiteOwners } from "./owners.ts";

/**
 * `GET /events/stream`: what changes at the caller's sites, or at the one named by `site` (id or name). The event is the
 * change's kind, its data the change. Where messages may have been missed the stream ends: its caller comes back and
 * looks again, as after any break.
 */
export const eventStream: StreamHandler = async (context, { query }, stream) => {
  const wanted = await findSite(context, query);
  const owners = new SiteOwners(context.db);
  const missed = new AbortController();
  const send = (change: Change): void => {
    const owner = owners.known(change.siteId);
    if (owner === context.user.id) stream.send(change.kind, change);
    else if (owner === undefined) findThenSend(change);
  };
  const findThenSend = (change: Change): void => {
    owners.find(change.siteId).then(
      (owner) => owner === context.user.id && stream.send(change.kind, change),
      () => missed.abort(),
    );
  };
  const stop = context.changes.listen((message) => {
    if (message.kind === "missed") missed.abort();
    if (message.kind === "change" && (wanted === null || wanted === message.change.siteId)) send(message.change);
  });
  stream.open();
  await aborted(AbortSignal.any([stream.signal, missed.signal]));
  stop();
};

/** Resolves when a signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

async function findSite(
  { db, user }: Pick<RequestContext, "user"> & { readonly db: Database },
  { site, ...unknown }: Readonly<Record<string, string>>,
): Promise<number | null> {
  const [name] = Object.keys(unknown);
  if (name !== undefined) throw new ConiferError("BAD_INPUT", { where: "query", problem: `unknown field "${name}"` });
  if (site === undefined) return null;
  const { rows } = await db.query<{ id: number }>(
    "SELECT id FROM sites WHERE owner_id = $1 AND deleted IS NULL AND (id::text = $2 OR name = $2)",
    [user.id, site],
  );
  if (!rows[0]) throw new ConiferError("NOT_FOUND", { kind: "site", name: site, list: "site" });
  return rows[0].id;
}
