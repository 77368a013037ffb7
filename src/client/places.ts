/** Sites, apps and batch jobs, as the SDK shows them. */
import { ConiferError } from "../model/errors.ts";
import type { Client } from "./client.ts";
import type { App, BatchJob, Site } from "./wire/entities.ts";
import type { AnswerOf, BodyInput } from "./wire/operations.ts";

export interface Sites {
  list(): Promise<readonly Site[]>;
  /** By id or name; throws NOT_FOUND. */
  get(site: number | string): Promise<Site>;
  /** What the runnable jobs of a site need, by shape. */
  demand(site: number | string): Promise<AnswerOf<"siteDemand">>;
}

export interface Apps {
  /** Apps of a site (id or name), or of all; by name too. */
  list(options?: { readonly site?: number | string; readonly name?: string }): Promise<readonly App[]>;
  /** By id, or by name where one site has it (or `site` says which); throws NOT_FOUND, CONFLICT where several have it. */
  get(app: number | string, options?: { readonly site?: number | string }): Promise<App>;
  /** Creates or updates apps of a site; `prune` removes those that are not named and have no jobs. */
  sync(
    site: number | string,
    apps: BodyInput<"appSync">["apps"],
    options?: { readonly prune?: boolean },
  ): Promise<AnswerOf<"appSync">>;
  /** Removes an app with its jobs. */
  delete(id: number): Promise<void>;
}

export interface BatchJobs {
  /** Batch jobs that match all filters, newest first. Default limit 100. */
  list(options?: { readonly where?: readonly string[]; readonly limit?: number }): Promise<readonly BatchJob[]>;
  get(id: number): Promise<BatchJob>;
  /** Asks for an allocation; the site's agent submits it. */
  submit(batchJob: BodyInput<"batchJobCreate">, options?: { readonly idempotencyKey?: string }): Promise<BatchJob>;
  /** Gives an allocation up. */
  cancel(id: number, reason?: string): Promise<BatchJob>;
}

export function openSites(client: Client): Sites {
  const list = async () => (await client.call("siteList")).items;
  const get = async (site: number | string): Promise<Site> => {
    if (typeof site === "number") return client.call("siteGet", { params: { id: site } });
    const found = (await list()).find((one) => one.name === site);
    if (!found) throw new ConiferError("NOT_FOUND", { kind: "site", name: site, list: "site" });
    return found;
  };
  const demand = async (site: number | string) =>
    client.call("siteDemand", { params: { id: typeof site === "number" ? site : (await get(site)).id } });
  return { list, get, demand };
}

export function openApps(client: Client): Apps {
  const list: Apps["list"] = async ({ site, name } = {}) => {
    const query = { ...(site === undefined ? {} : { site: String(site) }), ...(name === undefined ? {} : { name }) };
    return (await client.call("appList", { query })).items;
  };
  return {
    list,
    async get(app, { site } = {}) {
      if (typeof app === "number") return client.call("appGet", { params: { id: app } });
      const [first, ...others] = await list({ name: app, ...(site === undefined ? {} : { site }) });
      if (!first) throw new ConiferError("NOT_FOUND", { kind: "app", name: app, list: "app" });
      if (others.length > 0)
        throw new ConiferError("CONFLICT", {
          what: `app ${app}`,
          problem: `sites ${[first, ...others].map((one) => one.site).join(", ")} have it; say which`,
        });
      return first;
    },
    sync: (site, apps, { prune = false } = {}) => client.call("appSync", { body: { site, apps, prune } }),
    async delete(id) {
      await client.call("appDelete", { params: { id } });
    },
  };
}

export function openBatchJobs(client: Client): BatchJobs {
  return {
    async list({ where = [], limit = 100 } = {}) {
      return (await client.call("batchJobList", { query: { where: [...where], order: "-id", limit } })).items;
    },
    get: (id) => client.call("batchJobGet", { params: { id } }),
    submit: (body, { idempotencyKey } = {}) =>
      client.call("batchJobCreate", { body, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) }),
    cancel: (id, reason) =>
      client.call("batchJobCancel", { params: { id }, body: reason === undefined ? {} : { reason } }),
  };
}
