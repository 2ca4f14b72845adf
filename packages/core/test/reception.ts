// How a pipeline without options receives records.

import type { Reception } from "../src/intake/received.ts";
import { checkedSource, sourceReader } from "../src/record/source.ts";
import { fixedClock } from "./clocks.ts";

/** Decodes records of any table, without a schema. */
export const reception: Reception = {
  source: sourceReader(checkedSource(undefined), fixedClock),
  schema: undefined,
  now: fixedClock.now(),
};
