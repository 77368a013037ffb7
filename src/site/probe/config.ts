import type { Access } from "../../client/client.ts";
import type { MpiChoice } from "../../platform/launchers/find-mpi.ts";

/** What a probe is told, in a file that only its user may read: it holds the site's token. */
export type ProbeConfig = {
  /** Its own; what it finds is written there. */
  readonly directory: string;
  readonly access: Access;
  /** Whether the address is the agent's relay. */
  readonly isRelayed: boolean;
  readonly version: string;
  /** What the settings promise of a node; null = nothing. */
  readonly node: {
    readonly cores: number | null;
    readonly gpus: number | null;
    /** Whether the agent cannot see it by itself: its machine is another one. */
    readonly mustBeTold: boolean;
  };
  readonly mpi: {
    readonly launcher: MpiChoice;
    readonly program: string | null;
    readonly pmi: string | null;
    readonly template: readonly string[];
    readonly options: readonly string[];
  };
};

/** Where it says what it found: a list of doctor's lines. */
export const FINDINGS = "findings.json";
/** Where it leaves its host name, for the doctor to see that the directory is the same one. */
export const TRACE = "written-by-node";
