// What a run found: items that differ, and the outcome of each dead letter. Lists may be long.

import type { Image } from "@sluice/core/sink-kit";
import type { ComponentChildren } from "preact";
import type { DeadLetterResult } from "../../api/dead-letters.ts";
import type { RunFinding, RunInput } from "../../api/runs.ts";
import { href } from "../address.ts";
import { countText } from "../format.ts";
import { KeyText } from "../parts/key-text.tsx";
import { Outcome } from "../parts/outcome.tsx";
import { VirtualList } from "../parts/virtual-list.tsx";
import { keysIn } from "./item-key.ts";
import { useNarrow } from "./use-narrow.ts";

interface ListProps<Row> {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly render: (row: Row) => ComponentChildren;
}

const ResultList = <Row,>({ title, rows, keyOf, render }: ListProps<Row>) => {
  const rowHeight = useNarrow() ? 64 : 38;
  return (
    <section class="card">
      <div class="card-head">
        <h2>{title}</h2>
      </div>
      <div class="letters" style={{ height: `${rows.length * rowHeight}px` }}>
        <VirtualList label={title} rows={rows} rowHeight={rowHeight} keyOf={keyOf} render={render} />
      </div>
    </section>
  );
};

const Item = ({ pipeline, keys }: { readonly pipeline: string; readonly keys: Image | undefined }) =>
  keys === undefined ? (
    <span class="muted">unknown key</span>
  ) : (
    <span class="found-item">
      <KeyText keys={keys} />
      <a data-row href={href("/item", { pipeline, keys: JSON.stringify(keys) })} aria-label="Look at the item">
        look
      </a>
    </span>
  );

interface FindingProps {
  readonly pipeline: string;
  readonly finding: RunFinding;
}

const Finding = ({ pipeline, finding }: FindingProps) => (
  <div class="found">
    <strong>{finding.class}</strong>
    <Item pipeline={pipeline} keys={keysIn(JSON.stringify(finding.keys))} />
    <span class="truncate">{finding.routes.join(", ")}</span>
    <span class="truncate muted" title={finding.members.join(", ")}>
      {finding.members.join(", ")}
    </span>
    <span>{finding.repair ?? ""}</span>
  </div>
);

interface FindingsProps {
  readonly pipeline: string;
  readonly findings: readonly RunFinding[];
}

/** The items that a verification found to differ. */
export const RunFindings = ({ pipeline, findings }: FindingsProps) => (
  <ResultList
    title={`${findings.length === 1_000 ? "The first " : ""}${countText(findings.length)} that differ`}
    rows={findings}
    keyOf={(finding) => JSON.stringify([finding.keys, finding.routes])}
    render={(finding) => <Finding pipeline={pipeline} finding={finding} />}
  />
);

const Letter = ({ result, queueUrl }: { readonly result: DeadLetterResult; readonly queueUrl: string }) => (
  <div class="found">
    <Outcome outcome={result.outcome} code={result.code} />
    <code class="truncate">{result.id}</code>
    <span class="truncate">{result.route}</span>
    <span class="truncate muted" title={result.reason}>
      {result.reason ?? ""}
    </span>
    <span>
      {result.stays ? (
        <a data-row href={href("/dead-letters", { queue: queueUrl, text: result.id })}>
          in the queue
        </a>
      ) : (
        "left the queue"
      )}
    </span>
  </div>
);

interface LettersProps {
  readonly input: RunInput;
  readonly results: readonly DeadLetterResult[];
}

/** The outcome of each dead letter of a redrive. */
export const RunLetters = ({ input, results }: LettersProps) => {
  const queueUrl = input.kind === "redrive" ? input.queueUrl : "";
  return (
    <ResultList
      title={`Outcomes of ${countText(results.length)} dead ${results.length === 1 ? "letter" : "letters"}`}
      rows={results}
      keyOf={({ id }) => id}
      render={(result) => <Letter result={result} queueUrl={queueUrl} />}
    />
  );
};
