// Calls the handler of a pipeline, and checks that the handler reports no failed record.

/** The handler of a pipeline. */
export type MeasuredHandler = (event: unknown) => Promise<{ readonly batchItemFailures: readonly unknown[] }>;

/** A logger that prints nothing. */
export const silent = { info: (): undefined => undefined, warn: (): undefined => undefined };

/** @throws if the handler reports a failed record, because the contender must deliver every record */
export const takeAll = async (name: string, handler: MeasuredHandler, event: unknown): Promise<void> => {
  const { batchItemFailures } = await handler(event);
  if (batchItemFailures.length > 0) throw new Error(`${name}: ${batchItemFailures.length} records failed`);
};
