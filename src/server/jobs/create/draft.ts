/**
 * From what was asked to what will be stored: a pure function of the request, its apps and its parents. Every refusal names
 * the item and the field.
 */
import { checkParameters } from "../../../app/definition.ts";
import { DEFAULT_RETRY_POLICY, RETRY_ON_ALL, type RetryPolicy } from "../../../model/attempts.ts";
import { ConiferError } from "../../../model/errors.ts";
import { type Stages, settle } from "../../../model/life.ts";
import { DEFAULT_RESOURCES, type Resources } from "../../../model/resources.ts";
import type { JobState } from "../../../model/states.ts";
import { blockedBy, type DependencyCondition, verdictOf } from "../../life/index.ts";
import { parentsFirst } from "./graph.ts";
import type { JobItem, KnownParent, ResolvedApp } from "./resolve.ts";
import { checkWorkdir } from "./workdir.ts";

/** A parent: a job that exists, or an item of the same request. */
export type ParentRef = { readonly id: number } | { readonly item: number };
export type DraftDependency = { readonly parent: ParentRef; readonly when: DependencyCondition; met: boolean };
export type DraftInput = {
  readonly from: ParentRef;
  readonly files: readonly string[];
  readonly mode: "link" | "copy";
};
export type Draft = {
  readonly item: JobItem;
  readonly app: ResolvedApp;
  readonly name: string;
  readonly workflow: string;
  readonly dependencies: readonly DraftDependency[];
  readonly inputs: readonly DraftInput[];
  readonly resources: Resources;
  readonly limitSec: number | null;
  readonly policy: RetryPolicy;
  readonly stages: Stages;
  /** Filled once the states of all parents are known. */
  path: JobState[];
  waitingFor: number;
  /** An existing parent's id or an item's number, where the job can never run. */
  blocker: { readonly parent: ParentRef; readonly state: JobState; readonly when: DependencyCondition } | null;
};

export type Drafting = {
  readonly items: readonly JobItem[];
  readonly appOf: (item: JobItem, where: string) => ResolvedApp;
  readonly parents: ReadonlyMap<number, KnownParent>;
  /** What the list of items is called, e.g. `jobs`. */
  readonly where: string;
};

/** Ids of existing jobs that items name as parents. */
export function parentIds(items: readonly JobItem[]): number[] {
  const ids = new Set<number>();
  for (const { parents, inputs } of items) {
    for (const parent of parents ?? []) {
      const job = typeof parent === "object" ? parent.job : parent;
      if (typeof job === "number") ids.add(job);
    }
    for (const { from } of inputs ?? []) if (typeof from === "number") ids.add(from);
  }
  return [...ids];
}

/** Drafts of all items, in their order, each with the states it passes through at once. */
export function draftJobs(drafting: Drafting): Draft[] {
  const keys = readKeys(drafting);
  const drafts = drafting.items.map((item, index) =>
    draftJob(item, `${drafting.where}[${index}]`, { ...drafting, keys }),
  );
  for (const [index, draft] of drafts.entries())
    checkInputs(draft, `${drafting.where}[${index}]`, { drafts, drafting });
  const nameOf = (index: number): string => drafting.items[index]?.key ?? `${drafting.where}[${index}]`;
  const edges = drafts.map((draft) =>
    draft.dependencies.flatMap(({ parent }) => ("item" in parent ? [parent.item] : [])),
  );
  for (const index of parentsFirst(edges, nameOf)) {
    const draft = drafts[index];
    if (draft) begin(draft, (parent) => stateOf(parent, drafts, drafting.parents));
  }
  return drafts;
}

function readKeys({ items, where }: Drafting): Map<string, number> {
  const keys = new Map<string, number>();
  for (const [index, { key }] of items.entries()) {
    if (key === undefined) continue;
    const first = keys.get(key);
    if (first !== undefined)
      throw new ConiferError("BAD_INPUT", {
        where: `${where}[${index}].key`,
        problem: `${JSON.stringify(key)} is the key of ${where}[${first}] too`,
      });
    keys.set(key, index);
  }
  return keys;
}

type Look = {
  readonly appOf: Drafting["appOf"];
  readonly parents: Drafting["parents"];
  readonly keys: Map<string, number>;
};

function draftJob(item: JobItem, where: string, look: Look): Draft {
  const app = look.appOf(item, where);
  const { definition } = app;
  checkParameters(definition, item.parameters ?? NOTHING, where);
  if (item.workdir !== undefined) checkWorkdir(item.workdir, `${where}.workdir`);
  const transfers = item.transfers ?? [];
  return {
    item,
    app,
    name: item.name ?? app.name,
    workflow: item.workflow ?? "",
    dependencies: item.parents || item.inputs ? readDependencies(item, where, look) : NONE,
    inputs: (item.inputs ?? NONE).map((input, index) => ({
      ...input,
      from: readParent(input.from, `${where}.inputs[${index}].from`, look),
    })),
    resources: resourcesOf(item, app),
    limitSec: item.limitSec === undefined ? definition.limitSec : item.limitSec,
    policy: policyOf(item, app),
    stages: {
      stageIn: transfers.some(({ direction }) => direction === "in"),
      stageOut: transfers.some(({ direction }) => direction === "out"),
      preprocess: definition.hooks.includes("preprocess"),
      postprocess: definition.hooks.includes("postprocess"),
      onError: definition.hooks.includes("onError"),
      onTimeout: definition.hooks.includes("onTimeout"),
    },
    path: [],
    waitingFor: 0,
    blocker: null,
  };
}

const NOTHING = {};
const NONE: never[] = [];
function resourcesOf(item: JobItem, { definition }: ResolvedApp): Resources {
  const app = definition.resources;
  return {
    nodes: item.nodes ?? app.nodes ?? DEFAULT_RESOURCES.nodes,
    ranksPerNode: item.ranksPerNode ?? app.ranksPerNode ?? DEFAULT_RESOURCES.ranksPerNode,
    threadsPerRank: item.threadsPerRank ?? app.threadsPerRank ?? DEFAULT_RESOURCES.threadsPerRank,
    threadsPerCore: item.threadsPerCore ?? app.threadsPerCore ?? DEFAULT_RESOURCES.threadsPerCore,
    gpusPerRank: item.gpusPerRank ?? app.gpusPerRank ?? DEFAULT_RESOURCES.gpusPerRank,
    memoryPerNodeBytes: item.memoryPerNodeBytes ?? app.memoryPerNodeBytes ?? DEFAULT_RESOURCES.memoryPerNodeBytes,
    nodePackingCount: item.nodePackingCount ?? app.nodePackingCount ?? DEFAULT_RESOURCES.nodePackingCount,
    wallTimeMin: item.wallTimeMin ?? app.wallTimeMin ?? DEFAULT_RESOURCES.wallTimeMin,
  };
}

/** Who asks for attempts without saying for which failures means all of them. */
function policyOf(item: JobItem, { definition }: ResolvedApp): RetryPolicy {
  const maxAttempts = item.maxAttempts ?? definition.maxAttempts;
  const retryOn = item.retryOn ?? definition.retryOn ?? (maxAttempts === undefined ? undefined : RETRY_ON_ALL);
  return {
    maxAttempts: maxAttempts ?? DEFAULT_RETRY_POLICY.maxAttempts,
    retryOn: retryOn ?? DEFAULT_RETRY_POLICY.retryOn,
    maxLosses: item.maxLosses ?? DEFAULT_RETRY_POLICY.maxLosses,
  };
}

/** The listed parents, and as `ok` those whose files are taken without being listed. */
function readDependencies(item: JobItem, where: string, look: Look): DraftDependency[] {
  const found = new Map<string, DraftDependency>();
  for (const [index, entry] of (item.parents ?? []).entries()) {
    const place = `${where}.parents[${index}]`;
    const { job, when } = typeof entry === "object" ? entry : { job: entry, when: "ok" as const };
    const parent = readParent(job, place, look);
    const key = refKey(parent);
    const before = found.get(key);
    if (before && before.when !== when)
      throw new ConiferError("BAD_INPUT", {
        where: place,
        problem: `${JSON.stringify(job)} is listed before as ${before.when}`,
      });
    if (!before) found.set(key, { parent, when, met: false });
  }
  for (const [index, { from }] of (item.inputs ?? []).entries()) {
    const parent = readParent(from, `${where}.inputs[${index}].from`, look);
    if (!found.has(refKey(parent))) found.set(refKey(parent), { parent, when: "ok", met: false });
  }
  return [...found.values()];
}

function readParent(job: number | string, where: string, { parents, keys }: Look): ParentRef {
  if (typeof job === "number") {
    if (!parents.has(job)) throw new ConiferError("PARENT_NOT_FOUND", { where, parent: job });
    return { id: job };
  }
  const item = keys.get(job);
  if (item === undefined) throw new ConiferError("PARENT_NOT_FOUND", { where, parent: JSON.stringify(job) });
  return { item };
}

const refKey = (ref: ParentRef): string => ("item" in ref ? `item ${ref.item}` : `${ref.id}`);

/** Files are linked or copied from a directory of the same site; between sites they would have to travel. */
function checkInputs(draft: Draft, where: string, { drafts, drafting }: { drafts: Draft[]; drafting: Drafting }): void {
  for (const [index, { from }] of draft.inputs.entries()) {
    const site = "item" in from ? drafts[from.item]?.app.siteId : drafting.parents.get(from.id)?.siteId;
    if (site === draft.app.siteId) continue;
    throw new ConiferError("BAD_INPUT", {
      where: `${where}.inputs[${index}].from`,
      problem:
        "this parent is at another site; taking files from there needs transfers between sites, which are not there yet",
    });
  }
}

function begin(draft: Draft, stateOfParent: (parent: ParentRef) => JobState): void {
  for (const dependency of draft.dependencies) {
    const state = stateOfParent(dependency.parent);
    const verdict = verdictOf(dependency.when, state);
    dependency.met = verdict === "met";
    if (verdict !== "met") draft.waitingFor += 1;
    if (verdict === "never") draft.blocker ??= { parent: dependency.parent, state, when: dependency.when };
  }
  const { path } = settle("CREATED", {
    stages: draft.stages,
    waitingFor: draft.waitingFor,
    attempt: 0,
    losses: 0,
    policy: draft.policy,
    failure: null,
  });
  draft.path = draft.blocker ? [...path, "FAILED"] : path;
}

function stateOf(parent: ParentRef, drafts: readonly Draft[], known: Drafting["parents"]): JobState {
  return ("item" in parent ? drafts[parent.item]?.path.at(-1) : known.get(parent.id)?.state) ?? "CREATED";
}

/** Why a job can never run, once the ids are known. */
export function reasonOf(draft: Draft, idOf: (parent: ParentRef) => number): string {
  if (!draft.blocker) return "";
  const { parent, state, when } = draft.blocker;
  return blockedBy({ id: idOf(parent), state }, when);
}
