// A pipeline's handler as a contender calls it: all records of the event must be taken.

/** What Lambda calls. */
export type Handler = (event: unknown) => Promise<{ readonly batchItemFailures: readonly unknown[] }>;

/** A logger for pipelines that are measured. */
export const silent = { info: (): undefined => undefined, warn: (): undefined => undefined };

/** @throws when a record is to come again: then the contender did not do its work */
export const takeAll = async (name: string, handler: Handler, event: unknown): Promise<void> => {
  const { batchItemFailures } = await handler(event);
  if (batchItemFailures.length > 0) throw new Error(`${name}: ${batchItemFailures.length} records failed`);
};
