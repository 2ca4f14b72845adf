// OpenSearch targets that are broken in one place each, on the wire.

import type { OpensearchMutation } from "./opensearch-target.ts";

/** The scripts are JSON texts in the request, and the only place of these words. */
const replacing = (found: string | RegExp, replacement: string): OpensearchMutation => ({
  rewrite: (body) => body.replaceAll(found, replacement),
});

const script = /"source":"def s=(?:[^"\\]|\\.)*"(?=,"params":\{"d")/g;

/** What a target does wrong, and how it is made to. */
export const opensearchMutants: Readonly<Record<string, OpensearchMutation>> = {
  "does not compare versions": replacing(script, '"source":"ctx._source=params.d"'),
  "prefers the older version": replacing(".version)>=0)", ".version)<0)"),
  "inserts over what is there": replacing(/^\{"create":(?=\{"_id":)/gm, '{"index":'),
  "overwrites what others wrote since": replacing(/,"if_seq_no":\d+,"if_primary_term":\d+(?=\}\}$)/gm, ""),
  "keeps no tombstones": replacing(
    /\{"(?:update|create|index)":(\{"_id":"(?:[^"\\]|\\.)*")[^\n]*\n[^\n]*"deleted":true[^\n]*\n/g,
    '{"delete":$1}}\n',
  ),
  "leaves an attribute that is gone": replacing("{ctx._source=params.d}", "{ctx._source.putAll(params.d)}"),
};
