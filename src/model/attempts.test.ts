import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_RETRY_POLICY, decideRetry, FAILURE_KINDS, type FailureKind, type RetryPolicy } from "./attempts.ts";

const policies = fc.record<RetryPolicy>({
  maxAttempts: fc.integer({ min: 1, max: 6 }),
  retryOn: fc.subarray([...FAILURE_KINDS]),
  maxLosses: fc.nat(5),
});

/** Lets a job fail in these ways, one attempt after the other, until it may not run again. */
function failAgain(
  kinds: readonly FailureKind[],
  policy: RetryPolicy,
): { counted: number; losses: number; state: string } {
  let losses = 0;
  for (const [index, kind] of kinds.entries()) {
    if (kind === "lost") losses += 1;
    const { state } = decideRetry(kind, { attempt: index + 1, losses }, policy);
    if (state === "FAILED") return { counted: index + 1 - losses, losses, state };
  }
  return { counted: kinds.length - losses, losses, state: "RESTART_READY" };
}

describe("the retry policy", () => {
  it("never lets a job begin more attempts of its own than allowed, nor lose more than allowed", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...FAILURE_KINDS), { maxLength: 20 }), policies, (kinds, policy) => {
        const { counted, losses } = failAgain(kinds, policy);
        expect(counted).toBeLessThanOrEqual(policy.maxAttempts);
        expect(losses).toBeLessThanOrEqual(policy.maxLosses + 1);
      }),
    );
  });

  it("[B18] ends a job that fails for ever, whatever way it fails", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.constantFrom(...FAILURE_KINDS)), policies, (stream, policy) => {
        expect(failAgain([...stream.take(20)], policy).state).toBe("FAILED");
      }),
    );
  });

  it("tries again only what the policy names, but for pilots and nodes that died", () => {
    expect(decideRetry("error", { attempt: 1, losses: 0 }, DEFAULT_RETRY_POLICY).state).toBe("FAILED");
    expect(decideRetry("timeout", { attempt: 1, losses: 0 }, DEFAULT_RETRY_POLICY).state).toBe("RESTART_READY");
    expect(decideRetry("lost", { attempt: 1, losses: 1 }, { ...DEFAULT_RETRY_POLICY, retryOn: [] }).state).toBe(
      "RESTART_READY",
    );
  });

  it("does not count a loss as an attempt, and stops a job that kills its node", () => {
    expect(decideRetry("timeout", { attempt: 4, losses: 2 }, DEFAULT_RETRY_POLICY).state).toBe("RESTART_READY");
    expect(decideRetry("timeout", { attempt: 5, losses: 2 }, DEFAULT_RETRY_POLICY).state).toBe("FAILED");
    expect(decideRetry("lost", { attempt: 4, losses: 4 }, DEFAULT_RETRY_POLICY)).toEqual({
      state: "FAILED",
      reason: "its pilot or node died 4 times (at most 3)",
    });
  });
});
