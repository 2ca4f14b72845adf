// Broken append sinks. Each is the memory sink with one defect, and names the case of the kit that must detect it.

import { type AppendDelivery, delivered, failed, type Sink, SinkError, type WriteResult } from "@sluice/core/sink-kit";
import type { CaseId } from "@sluice/testing";
import {
  type Break,
  type BrokenSink,
  failingRepeats,
  isFailed,
  late,
  rejection,
  rewriting,
  skipping,
} from "./defect.ts";
import { type AppendMessage, appendConformance } from "./memory-rigs.ts";

type One = AppendDelivery<AppendMessage>;

const append = (caughtBy: CaseId, defect: string, breakWrite: Break<One>): BrokenSink => ({
  caughtBy,
  defect,
  conformance: appendConformance((sink) => ({ sink: { ...sink, write: breakWrite(sink.write) } })),
});

/** The memory sink with a defect in `dryRun`, which case A07 must detect. */
const brokenDryRun = (
  defect: string,
  change: (sink: Sink<AppendMessage, "append">) => Sink<AppendMessage, "append">,
): BrokenSink => ({ caughtBy: "A07", defect, conformance: appendConformance((sink) => ({ sink: change(sink) })) });

let attempts = 0;

export const brokenAppendSinks: readonly BrokenSink[] = [
  append("C03", "returns before it has sent, and sends with the next call", late()),
  append("C04", "rejects a repeated change", failingRepeats()),
  append("C06", "sends only the first change of an item", (right) => {
    const seen = new Set<string>();
    return skipping<One>(({ change }) => seen.size === seen.add(change.itemKey).size)(right);
  }),
  append(
    "A01",
    "sends no removals",
    skipping(({ change }) => change.kind === "remove"),
  ),
  append(
    "A02",
    "creates a new idempotency key for each attempt",
    rewriting((delivery) => ({ ...delivery, idempotencyKey: `attempt-${++attempts}` })),
  ),
  append(
    "A02",
    "uses the key of the item as the idempotency key",
    rewriting((delivery) => ({ ...delivery, idempotencyKey: delivery.change.itemKey })),
  ),
  append(
    "A02",
    "sends no idempotency key",
    rewriting((delivery) => ({ ...delivery, idempotencyKey: "" })),
  ),
  append("A03", "stops at the first failure", (right) => async (batch, context) => {
    const results: WriteResult[] = [];
    for (const delivery of batch) {
      if (results.some(isFailed)) results.push(failed(delivery, new SinkError("SINK_UNAVAILABLE", "stopped")));
      else results.push(...(await right([delivery], context)));
    }
    return results;
  }),
  append("A04", "does not wait for every other request", (right) => {
    let calls = 0;
    return async (batch, context) => {
      calls += 1;
      if (calls % 2 === 0) return right(batch, context);
      setImmediate(() => setImmediate(() => right(batch, context)));
      return batch.map(delivered);
    };
  }),
  append("A05", "sends the whole batch again when one entry failed", (right) => async (batch, context) => {
    const results = await right(batch, context);
    return results.some(isFailed) ? right(batch, context) : results;
  }),
  append("A06", "reports a failed change as delivered", (right) => async (batch, context) => {
    const results = await right(batch, context);
    return results.map((one) => (isFailed(one) ? delivered(one.delivery) : one));
  }),
  brokenDryRun("has no dryRun", ({ dryRun: _, ...sink }) => sink),
  brokenDryRun("sends in dryRun", (sink) => ({ ...sink, dryRun: sink.write })),
  brokenDryRun("rejects every change in dryRun", (sink) => ({
    ...sink,
    dryRun: async (batch) => batch.map((delivery) => failed(delivery, rejection())),
  })),
];
