// Finds out which error a call throws.

import { RecordError } from "../src/sink-kit.ts";

/** Returns the code of the `RecordError` that the call throws, or another error as text; undefined if it throws none. */
export const codeOf = (run: () => unknown): string | undefined => {
  try {
    run();
  } catch (error) {
    return error instanceof RecordError ? error.code : String(error);
  }
  return undefined;
};
