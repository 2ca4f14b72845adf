// A Lambda function that a deployment calls before the event source mappings are created. It creates missing tables,
// index and mapping, and extends existing ones. Unlike `ensure.ts`, it does not create the dedupe table.

import { customerRows, orderDocuments, orderRows } from "./orders.ts";

/** Creates what the targets lack, and notes each step. With `apply: false`, the steps are only noted. */
export const ensureTargets = async (apply: boolean, note: (step: string) => void): Promise<void> => {
  for (const sink of [orderRows, customerRows, orderDocuments]) {
    for (const step of await sink.ensure({ apply })) note(step);
    await sink.close();
  }
};

/** The handler of the function. Returns the steps that it has made. */
export const handler = async (): Promise<string[]> => {
  const steps: string[] = [];
  await ensureTargets(true, (step) => steps.push(step));
  return steps;
};
