// Concurrent work with a limit.

/**
 * Calls `run` for each entry, with at most `limit` calls at once. Resolves with the results in the order of the
 * entries. After a rejection no other call is started, and the promise rejects when all running calls have ended.
 */
export const eachBounded = async <Entry, Result>(
  entries: readonly Entry[],
  limit: number,
  run: (entry: Entry) => Promise<Result>,
): Promise<readonly Result[]> => {
  const results: Result[] = new Array(entries.length);
  let next = 0;
  let failure: { readonly error: unknown } | undefined;
  const work = async (): Promise<void> => {
    while (next < entries.length && failure === undefined) {
      const index = next;
      next += 1;
      try {
        results[index] = await run(entries[index] as Entry);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, entries.length) }, work));
  if (failure !== undefined) throw failure.error;
  return results;
};
