// A Lambda function that a deployment calls before the event source mappings are created. It creates missing tables,
// index and mapping, and extends existing ones. Unlike `ensure.ts`, it does not create the dedupe table.

import { customerRows, orderDocuments, orderRows } from "./orders.ts";

/** The handler of the function. Returns the steps that it has made. */
export const handler = async (): Promise<string[]> => {
  const steps: string[] = [];
  for (const sink of [orderRows, customerRows, orderDocuments]) {
    steps.push(...(await sink.ensure()));
    await sink.close();
  }
  return steps;
};
