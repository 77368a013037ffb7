/**
 * The job's life, as data. Every move a job can make is a row of TRANSITIONS with who may make it; the server, the
 * pilot and the site agent are held to this table, and so are the property tests.
 *
 *   CREATED → AWAITING_PARENTS → READY → STAGED_IN → PREPROCESSED → RUNNING → RUN_DONE → POSTPROCESSED → STAGED_OUT → JOB_FINISHED
 *
 * - READY waits for stage-in, STAGED_IN for the preprocess hook, PREPROCESSED for a pilot: PREPROCESSED and
 *   RESTART_READY are the two runnable states.
 * - RUN_ERROR and RUN_TIMEOUT wait for their hook or, without one, pass at once to RESTART_READY or FAILED by the
 *   job's retry policy (attempts.ts).
 * - JOB_FINISHED, FAILED and USER_KILLED are final. Only a user's retry leaves them, to RESTART_READY (or, where the job
 *   never ran, to AWAITING_PARENTS, from where it goes through its stages).
 */
export const JOB_STATES = [
  "CREATED",
  "AWAITING_PARENTS",
  "READY",
  "STAGED_IN",
  "PREPROCESSED",
  "RUNNING",
  "RUN_DONE",
  "POSTPROCESSED",
  "STAGED_OUT",
  "JOB_FINISHED",
  "RUN_ERROR",
  "RUN_TIMEOUT",
  "RESTART_READY",
  "FAILED",
  "USER_KILLED",
] as const;
export type JobState = (typeof JOB_STATES)[number];

/** Who asks for a move: the server by itself, a pilot under its session, a hook of the site agent, a transfer, or a user. */
export const ACTORS = ["server", "pilot", "hook", "transfer", "user"] as const;
export type Actor = (typeof ACTORS)[number];

export type Transition = { readonly from: JobState; readonly to: JobState; readonly by: readonly Actor[] };

const move = (from: JobState, to: JobState, ...by: Actor[]): Transition => ({ from, to, by });

export const TRANSITIONS: readonly Transition[] = [
  move("CREATED", "AWAITING_PARENTS", "server"),
  move("CREATED", "READY", "server"),
  move("AWAITING_PARENTS", "READY", "server"),
  move("AWAITING_PARENTS", "FAILED", "server"),
  move("READY", "STAGED_IN", "server", "transfer"),
  move("READY", "FAILED", "transfer"),
  move("STAGED_IN", "PREPROCESSED", "server", "hook"),
  move("STAGED_IN", "FAILED", "hook"),
  move("PREPROCESSED", "RUNNING", "pilot"),
  move("PREPROCESSED", "RUN_ERROR", "pilot"),
  move("RESTART_READY", "RUNNING", "pilot"),
  move("RESTART_READY", "RUN_ERROR", "pilot"),
  move("RUNNING", "RUN_DONE", "pilot"),
  move("RUNNING", "RUN_ERROR", "pilot"),
  move("RUNNING", "RUN_TIMEOUT", "pilot", "server"),
  move("RUN_DONE", "POSTPROCESSED", "server", "hook"),
  move("RUN_DONE", "FAILED", "hook"),
  move("RUN_DONE", "RESTART_READY", "hook"),
  move("POSTPROCESSED", "STAGED_OUT", "server", "transfer"),
  move("POSTPROCESSED", "FAILED", "transfer"),
  move("STAGED_OUT", "JOB_FINISHED", "server"),
  move("RUN_ERROR", "RESTART_READY", "server", "hook"),
  move("RUN_ERROR", "RUN_DONE", "hook"),
  move("RUN_ERROR", "FAILED", "server", "hook"),
  move("RUN_TIMEOUT", "RESTART_READY", "server", "hook"),
  move("RUN_TIMEOUT", "FAILED", "server", "hook"),
  move("JOB_FINISHED", "RESTART_READY", "user"),
  move("FAILED", "RESTART_READY", "user"),
  move("USER_KILLED", "RESTART_READY", "user"),
  move("FAILED", "AWAITING_PARENTS", "user"),
  move("USER_KILLED", "AWAITING_PARENTS", "user"),
  ...JOB_STATES.filter((state) => !["CREATED", "RUNNING", "JOB_FINISHED", "FAILED", "USER_KILLED"].includes(state)).map(
    (state) => move(state, "USER_KILLED", "user", "hook", "server"),
  ),
  move("RUNNING", "USER_KILLED", "pilot", "server"),
  // Given a parent before it started, with nothing done for it yet.
  move("PREPROCESSED", "AWAITING_PARENTS", "user"),
];

export const FINAL_STATES = ["JOB_FINISHED", "FAILED", "USER_KILLED"] as const satisfies readonly JobState[];
export const RUNNABLE_STATES = ["PREPROCESSED", "RESTART_READY"] as const satisfies readonly JobState[];
/** Where a hook of the site agent moves the job on, and which hook it is. */
export const HOOK_OF_STATE = {
  STAGED_IN: "preprocess",
  RUN_DONE: "postprocess",
  RUN_ERROR: "onError",
  RUN_TIMEOUT: "onTimeout",
} as const satisfies Partial<Record<JobState, string>>;
export type HookName = (typeof HOOK_OF_STATE)[keyof typeof HOOK_OF_STATE];
export const HOOK_NAMES = ["preprocess", "postprocess", "onError", "onTimeout"] as const satisfies readonly HookName[];

export const isFinal = (state: JobState): boolean => (FINAL_STATES as readonly JobState[]).includes(state);
export const isRunnable = (state: JobState): boolean => (RUNNABLE_STATES as readonly JobState[]).includes(state);

const BY_MOVE = new Map(TRANSITIONS.map((transition) => [`${transition.from}>${transition.to}`, transition]));

/** Whether the table has the move from one state to another for this actor. */
export function mayMove(from: JobState, to: JobState, actor: Actor): boolean {
  return BY_MOVE.get(`${from}>${to}`)?.by.includes(actor) ?? false;
}
