// OpenSearch targets with one defect each. Each defect is caused by a change to the sink's requests.

import type { OpensearchMutation } from "./opensearch-target.ts";

/** Returns a mutation that replaces a text in the body of every bulk request. */
const replacing = (found: string | RegExp, replacement: string): OpensearchMutation => ({
  rewrite: (body) => body.replaceAll(found, replacement),
});

const script = /"source":"def s=(?:[^"\\]|\\.)*"(?=,"params":\{"d")/g;

/** The defects, each with the mutation that causes the defect. */
export const opensearchMutants: Readonly<Record<string, OpensearchMutation>> = {
  "does not compare versions": replacing(script, '"source":"ctx._source=params.d"'),
  "prefers the older version": replacing("compareTo(n.version)>=(", "compareTo(n.version)<("),
  "overwrites an existing document by an insert": replacing(/^\{"create":(?=\{"_id":)/gm, '{"index":'),
  "overwrites a concurrent write": replacing(/,"if_seq_no":\d+,"if_primary_term":\d+(?=\}\}$)/gm, ""),
  "keeps no tombstones": replacing(
    /\{"(?:update|create|index)":(\{"_id":"(?:[^"\\]|\\.)*")[^\n]*\n[^\n]*"deleted":true[^\n]*\n/g,
    '{"delete":$1}}\n',
  ),
  "keeps a removed attribute": replacing("{ctx._source=params.d}", "{ctx._source.putAll(params.d)}"),
};

/** Defects that only matter if an item's routing changes. */
export const routedMutants: Readonly<Record<string, OpensearchMutation>> = {
  "keeps the document at the former routing": {
    isRouted: true,
    // Drops the routing of tombstones, so that they are written to the shard of the id.
    rewrite: (body) =>
      body.replace(/^(\{"update":\{"_id":"(?:[^"\\]|\\.)*"),"routing":"[^"]*"([^\n]*\n[^\n]*"deleted":true)/gm, "$1$2"),
  },
};
