/** Something to end, and what a log calls it. */
export type Ending = { readonly what: string; end(): PromiseLike<unknown> };

/** Ends one part after the other; one that fails is told of and keeps none of those behind it from their end. */
export async function closeAll(
  endings: readonly Ending[],
  onFailure: (error: unknown, what: string) => void,
): Promise<void> {
  for (const { what, end } of endings) {
    try {
      await end();
    } catch (error) {
      onFailure(error, what);
    }
  }
}
