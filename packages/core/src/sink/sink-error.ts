// The hint at the end of an error message that describes the answer of a target.

import type { SinkErrorCode } from "../errors.ts";

const hints: { readonly [code in SinkErrorCode]?: string } = {
  SINK_MISSING: "; ensure() creates what is missing",
  SINK_REJECTED: "; its text is withheld because it may quote values",
};

/** The end of a message for this code, of a sink that has `ensure`; empty where there is nothing to add. */
export const errorHint = (code: SinkErrorCode): string => hints[code] ?? "";
