/** What the main thread and the engine's thread say to each other. Answers come in the order of the statements. */

/** Given to the thread when it starts. */
export type ThreadSettings = {
  /** The cluster's directory; made when missing. */
  readonly cluster: string;
  readonly durable: boolean;
};

export type ToThread =
  | { readonly kind: "run"; readonly statements: readonly Uint8Array[] }
  | { readonly kind: "close" };

export type FromThread =
  | { readonly kind: "ready" }
  | { readonly kind: "piece"; readonly bytes: Uint8Array; readonly isLast: boolean }
  /** The engine ended: whatever was not answered was not done, or may not have been. */
  | { readonly kind: "fault"; readonly problem: string }
  | { readonly kind: "closed" };
