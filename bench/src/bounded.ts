// Many requests at once, but not all.

/** Runs `run` for each entry in their order, `limit` at once at most. */
export const eachBounded = async <Entry>(
  entries: readonly Entry[],
  limit: number,
  run: (entry: Entry) => Promise<void>,
): Promise<void> => {
  const left = entries.values();
  const worker = async (): Promise<void> => {
    for (const entry of left) await run(entry);
  };
  await Promise.all(Array.from({ length: limit }, worker));
};
