// What the records of the tests' runs have in common.

import type { RecordOrigin } from "@sluice/backfill";

/** The table of `writeExport`. */
export const tableArn = "arn:aws:dynamodb:us-east-1:123456789012:table/Orders";

/** The origin of a run. */
export const origin: RecordOrigin = {
  run: "run-1",
  streamArn: `${tableArn}/stream/2026-01-01T00:00:00.000`,
  keyNames: ["id"],
};

/** A signal that does not abort. */
export const never = (): AbortSignal => new AbortController().signal;
