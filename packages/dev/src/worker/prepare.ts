// Creates what the targets of a pipeline lack, as a deployment would.

import { isRecord } from "@sluice/core/sink-kit";
import type { TableKey } from "./messages.ts";

type Ensure = (options?: { readonly create: object }) => Promise<unknown>;

interface Ensurable {
  readonly ensure: Ensure;
}

const isEnsurable = (value: unknown): value is Ensurable => isRecord(value) && typeof value.ensure === "function";

const createOf = ([partitionKey, sortKey]: TableKey) => ({ partitionKey, ...(sortKey && { sortKey }) });

/** A sink of a DynamoDB table creates its table only if it is told the key: that of the source table is the most likely one. */
const ensureOne = async (one: Ensurable, isTableSink: boolean, key: TableKey): Promise<void> => {
  try {
    await one.ensure();
  } catch (error) {
    const isMissing = isTableSink && error instanceof Error && error.message.includes("does not exist");
    if (!isMissing) throw error;
    await one.ensure({ create: createOf(key) });
  }
};

/** Calls `ensure` of each sink of the pipeline, and of each other export that has it, such as a dedupe store. */
export const ensureAll = async (
  sinks: readonly object[],
  exports: readonly unknown[],
  key: TableKey,
): Promise<void> => {
  const others = exports.filter((value) => !sinks.includes(value as object));
  for (const one of [...new Set<unknown>([...others, ...sinks])]) {
    if (!isEnsurable(one)) continue;
    const isTableSink = isRecord(one) && isRecord(one.resource) && one.resource.service === "dynamodb";
    await ensureOne(one, isTableSink, key);
  }
};
