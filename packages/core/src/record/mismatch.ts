// Decides about items that the pipeline's schema refuses: one decision for all routes.

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { disregard, isThenable } from "../async/thenable.ts";
import { ConfigError, RecordError } from "../errors.ts";
import type { UnknownItem } from "./change.ts";

/** What happens to an item that the schema refuses. An ignored item counts as filtered on every route. */
type MismatchDecision = "reject" | "ignore";

/** One decision for all items that the schema refuses, or a function that decides about each of them. */
export type OnMismatch = MismatchDecision | ((item: UnknownItem) => MismatchDecision);

type Schema<Item> = StandardSchemaV1<unknown, Item>;

/** Asks the user's function. An answer that is neither of the two, such as a forgotten `return`, rejects the item. */
const decisionOn = (item: unknown, decide: OnMismatch): MismatchDecision => {
  const decision: unknown = typeof decide === "function" ? answerOf(decide, item as UnknownItem) : decide;
  if (!isThenable(decision)) return decision === "ignore" ? "ignore" : "reject";
  disregard(decision);
  const found = 'the function in option "onMismatch" returned a promise';
  throw new ConfigError("CONFIG_INVALID", `${found}; expected "reject" or "ignore"`);
};

const answerOf = (decide: (item: UnknownItem) => MismatchDecision, item: UnknownItem): unknown => {
  try {
    return decide(item);
  } catch (cause) {
    throw new RecordError("MAPPING_FAILED", 'the function in option "onMismatch" threw', { cause });
  }
};

/** Returns the schema with the output undefined for the items that it refuses and the pipeline ignores. */
export const ignoringSchema = <Item>(schema: Schema<Item>, onMismatch: OnMismatch): Schema<Item | undefined> => ({
  "~standard": {
    version: 1,
    vendor: "sluice",
    validate: (item) => {
      const result = schema["~standard"].validate(item);
      if (isThenable(result) || result.issues === undefined) return result;
      return decisionOn(item, onMismatch) === "ignore" ? { value: undefined } : result;
    },
  },
});
