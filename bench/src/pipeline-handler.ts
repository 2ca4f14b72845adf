// Calls the handler of a pipeline, and checks that the handler delivers all records.

/** The handler of a pipeline. */
export type MeasuredHandler = (event: unknown) => Promise<{ readonly batchItemFailures: readonly unknown[] }>;

/** A logger that prints nothing. */
export const silent = { info: (): undefined => undefined, warn: (): undefined => undefined };

/** @throws when the handler reports a failed record, because then the contender has not done all its work. */
export const takeAll = async (name: string, handler: MeasuredHandler, event: unknown): Promise<void> => {
  const { batchItemFailures } = await handler(event);
  if (batchItemFailures.length > 0) throw new Error(`${name}: ${batchItemFailures.length} records failed`);
};
