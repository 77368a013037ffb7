import { createHash, randomBytes } from "node:crypto";

/** The attempt that a token stands for. */
export interface Grant {
  readonly job: number;
  readonly attempt: number;
  /** Aborts when the attempt has ended. */
  readonly signal: AbortSignal;
}

/** Tokens of running attempts; they are nowhere but in memory and in the job's own file. */
export interface Grants {
  /** A new token. */
  give(job: number, attempt: number): string;
  revoke(job: number, attempt: number): void;
  find(token: string): Grant | undefined;
}

export function createGrants(): Grants {
  // By digest: looking a token up tells nothing of the others by the time it takes.
  const byDigest = new Map<string, Grant & { readonly abort: AbortController }>();
  const byAttempt = new Map<string, string>();
  const revoke = (job: number, attempt: number): void => {
    const digest = byAttempt.get(`${job}.${attempt}`);
    if (digest === undefined) return;
    byDigest.get(digest)?.abort.abort();
    byDigest.delete(digest);
    byAttempt.delete(`${job}.${attempt}`);
  };
  return {
    give(job, attempt) {
      revoke(job, attempt);
      const token = randomBytes(24).toString("base64url");
      const digest = digestOf(token);
      const abort = new AbortController();
      byDigest.set(digest, { job, attempt, abort, signal: abort.signal });
      byAttempt.set(`${job}.${attempt}`, digest);
      return token;
    },
    revoke,
    find: (token) => byDigest.get(digestOf(token)),
  };
}

const digestOf = (token: string): string => createHash("sha256").update(token).digest("base64");
