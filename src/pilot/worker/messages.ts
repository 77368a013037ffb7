/**
 * What a function worker and the program that started it say to each other, JSON over Node's IPC. A worker does one
 * call at a time and answers it with one `ended`; in between it may `ask`. A worker that exits without `ended` has crashed.
 */
import type { HookJob, HookJobRequest, HookState } from "../../app/define.ts";
import type { AppDefinitionInput } from "../../app/definition.ts";
import type { ParameterValue } from "../../app/template.ts";
import type { HookName } from "../../model/states.ts";

/** What a hook decided, before it is committed. */
export type HookDecision = {
  readonly state: HookState | null;
  readonly reason: string;
  readonly data: Record<string, unknown>;
  readonly tags: Record<string, string>;
  readonly parameters: Record<string, ParameterValue>;
  readonly create: HookJobRequest[];
  readonly kill: number[];
};

/** An app that a module exports, without its functions. */
export type DescribedApp = {
  readonly exportName: string;
  readonly definition: Omit<AppDefinitionInput, "hooks">;
  /** Names of the hooks given; what is not a function, or not a hook's name, is listed in `badHooks`. */
  readonly hooks: HookName[];
  readonly badHooks: string[];
};

export type HookWork = {
  readonly kind: "hook";
  /** Absolute path of the bundled module. */
  readonly module: string;
  readonly exportName: string;
  readonly hook: HookName;
  readonly job: HookJob;
  readonly failure: string | null;
};
export type DescribeWork = { readonly kind: "describe"; readonly module: string };
export type Work = HookWork | DescribeWork;
export type ResultOf<W extends Work> = W extends HookWork ? HookDecision : DescribedApp[];

export type ToWorker =
  | { readonly type: "call"; readonly id: number; readonly work: Work }
  | { readonly type: "answer"; readonly ask: number; readonly value: unknown; readonly error: string | null };

export type Question = "parents" | "children";

export type FromWorker =
  | { readonly type: "ready" }
  | { readonly type: "ask"; readonly ask: number; readonly question: Question }
  | { readonly type: "ended"; readonly id: number; readonly ok: true; readonly value: unknown }
  | {
      readonly type: "ended";
      readonly id: number;
      readonly ok: false;
      readonly message: string;
      readonly stack: string;
      /** The process ends itself after this one. */
      readonly leaves: boolean;
    };
