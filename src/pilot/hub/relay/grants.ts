import { randomUUID } from "node:crypto";

/** The attempt that a token stands for. */
export interface Grant {
  readonly job: number;
  readonly attempt: number;
  /** Calls back when the attempt has ended; the answer takes that back. */
  onEnd(callback: () => void): () => void;
}

/** Tokens of running attempts; they are nowhere but in memory and in the job's own file. */
export interface Grants {
  /** A new token, of 122 random bits. */
  give(job: number, attempt: number): string;
  revoke(job: number, attempt: number): void;
  find(token: string): Grant | undefined;
}

/** Most attempts never use their token, so a grant costs next to nothing until they do. */
export function createGrants(): Grants {
  const byToken = new Map<string, Grant & { readonly callbacks: Set<() => void> }>();
  const byAttempt = new Map<string, string>();
  const revoke = (job: number, attempt: number): void => {
    const token = byAttempt.get(`${job}.${attempt}`);
    const grant = token === undefined ? undefined : byToken.get(token);
    if (token === undefined || !grant) return;
    byToken.delete(token);
    byAttempt.delete(`${job}.${attempt}`);
    for (const callback of grant.callbacks) callback();
  };
  return {
    give(job, attempt) {
      revoke(job, attempt);
      const token = randomUUID();
      const callbacks = new Set<() => void>();
      const onEnd = (callback: () => void): (() => void) => {
        callbacks.add(callback);
        return () => callbacks.delete(callback);
      };
      byToken.set(token, { job, attempt, callbacks, onEnd });
      byAttempt.set(`${job}.${attempt}`, token);
      return token;
    },
    revoke,
    find: (token) => byToken.get(token),
  };
}
