import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import type { z } from "zod";
import { ConiferError } from "../../model/errors.ts";
import { BatchScheduler } from "./batch/batch-scheduler.ts";
import type { CommandTrace, Run } from "./batch/command.ts";
import type { Dialect } from "./batch/dialect.ts";
import { processRunner } from "./batch/run-command.ts";
import { type BatchSettingsInput, batchSettings } from "./batch/settings.ts";
import { cobalt } from "./cobalt/cobalt.ts";
import { flux } from "./flux/flux.ts";
import { LocalScheduler, type LocalSchedulerOptions } from "./local/local-scheduler.ts";
import { lsf } from "./lsf/lsf.ts";
import { pbs } from "./pbs/pbs.ts";
import type { Scheduler } from "./scheduler.ts";
import { sge } from "./sge/sge.ts";
import { slurm } from "./slurm/slurm.ts";

/** Every kind of batch scheduler that Conifer drives through its commands. */
const DIALECTS = { slurm, pbs, sge, cobalt, lsf, flux } satisfies Readonly<Record<string, unknown>>;

export type BatchKind = keyof typeof DIALECTS;
export type SchedulerKind = "local" | BatchKind;

export const BATCH_KINDS = Object.keys(DIALECTS) as readonly BatchKind[];
export const SCHEDULER_KINDS: readonly SchedulerKind[] = ["local", ...BATCH_KINDS];

export type BatchSchedulerOptions = {
  /**
   * Tells these jobs from all others of the user on the cluster, other sites' included: a letter, then letters, digits, -
   * and _, at most 40. It must stay the same for as long as the jobs live.
   */
  readonly owner: string;
  readonly settings: BatchSettingsInput;
  /**
   * A directory of the caller's own that outlives it, on a file system that the batch hosts share; it is made where the
   * kind of scheduler needs one. Default `~/.conifer/batch`.
   */
  readonly directory?: string;
  /** Told of every command that was run: for the log. */
  readonly onCommand?: (trace: CommandTrace) => void;
  /** Told of what is wrong and stops nothing. */
  readonly onTrouble?: (problem: string) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** How commands are run; processes of this machine by default. */
  readonly run?: Run;
};

/** Opens the scheduler of a kind; throws BAD_INPUT for settings that make no sense. Nothing is asked of the scheduler yet. */
export async function openScheduler(
  kind: SchedulerKind,
  options: { readonly local: LocalSchedulerOptions; readonly batch: BatchSchedulerOptions },
): Promise<Scheduler> {
  return kind === "local" ? LocalScheduler.open(options.local) : openBatchScheduler(kind, options.batch);
}

/** Opens the scheduler of a cluster; throws BAD_INPUT for settings that make no sense. */
export function openBatchScheduler(kind: BatchKind, options: BatchSchedulerOptions): BatchScheduler {
  const parsed = batchSettings.safeParse(options.settings);
  if (!parsed.success) throw toBadInput(parsed.error);
  const settings = parsed.data;
  const { onCommand, onTrouble, now } = options;
  const run =
    options.run ??
    processRunner({
      scheduler: kind,
      limitSec: settings.commandLimitSec,
      directory: settings.commandDirectory,
      ...(onCommand === undefined ? {} : { onCommand }),
    });
  return new BatchScheduler({
    dialect: dialectOf(kind),
    settings,
    owner: options.owner,
    directory: options.directory ?? join(homedir(), ".conifer/batch"),
    user: userInfo().username,
    run,
    ...(now === undefined ? {} : { now }),
    ...(onTrouble === undefined ? {} : { onTrouble }),
  });
}

/** What the options of a kind are: for checking settings, and for the docs. */
export function schedulerOptions(kind: BatchKind): z.ZodType {
  return dialectOf(kind).options;
}

/** Commands that a kind of scheduler must have on PATH. */
export function schedulerCommands(kind: BatchKind): readonly string[] {
  return dialectOf(kind).commands;
}

/** The built-in submit script of a kind: where a site's own one begins. */
export function schedulerTemplate(kind: BatchKind): string {
  return dialectOf(kind).template;
}

function dialectOf(kind: BatchKind): Dialect<object> {
  // Each dialect reads its options by its own schema before it uses them.
  return DIALECTS[kind] as unknown as Dialect<object>;
}

function toBadInput(error: z.ZodError): ConiferError {
  const issue = error.issues[0];
  return new ConiferError("BAD_INPUT", {
    where: ["scheduler", ...(issue?.path ?? [])].join("."),
    problem: issue?.message ?? "it does not read",
  });
}
