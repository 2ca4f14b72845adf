// Invokes a pipeline with one route to the sink under test.

import { type Change, pipeline } from "@sluice/core";
import { encodeEnvelope, type StreamRecord } from "@sluice/core/envelope";
import type { Sink } from "@sluice/core/sink-kit";
import { sqsEvent } from "../records/invocation.ts";
import type { SpecimenItem } from "../records/specimen.ts";
import { streamEvent } from "../records/stream-record.ts";
import type { AppendRig, UpsertRig } from "./rig.ts";

const silentLogger = { info: () => undefined, warn: () => undefined };

/** A rig of either write mode. */
export type AnyRig<Message> = AppendRig<Message> | UpsertRig<Message>;

/** Creates the handler of a pipeline that has one route to the sink, and makes one delivery attempt for each change. */
const handlerOf = <Message>({ sink }: Pick<AnyRig<Message>, "sink">, mapper: unknown) => {
  const options = { onReject: "block", logger: silentLogger, retry: { maxAttempts: 1 } } as const;
  const routeOptions = sink.supports.writes === "append" ? { dedupe: "none" as const } : {};
  return pipeline<SpecimenItem>("conformance", options)
    .to(sink as Sink<unknown>, mapper as (change: unknown) => unknown, routeOptions)
    .handler();
};

/** Invokes the pipeline with one envelope for each record. Returns the positions of messages that stay in the queue. */
export const redrive = async <Message>(
  { sink }: AnyRig<Message>,
  records: readonly StreamRecord[],
  mapper: unknown,
): Promise<readonly number[]> => {
  const bodies = records.map((record, index) =>
    encodeEnvelope({
      v: 1,
      id: `forged-${index}`,
      pipeline: "conformance",
      sink: sink.name,
      code: "SINK_REJECTED",
      message: "refused",
      attempts: 1,
      firstFailedAt: "2026-01-02T03:04:05.000Z",
      record,
    }),
  );
  const event = sqsEvent(bodies);
  const { batchItemFailures } = await handlerOf({ sink }, mapper)(event);
  const reported = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  return event.Records.flatMap(({ messageId }, position) => (reported.has(messageId) ? [position] : []));
};

/** Invokes the pipeline with the changes. Returns the changes that Lambda would deliver again. */
export const invoke = async <Message>(
  rig: AnyRig<Message>,
  changes: readonly Change<SpecimenItem>[],
): Promise<readonly Change<SpecimenItem>[]> => {
  const { batchItemFailures } = await handlerOf(rig, rig.toMessage)(streamEvent(changes.map(({ record }) => record)));
  const reported = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  const first = changes.findIndex(({ record }) => reported.has(record.dynamodb?.SequenceNumber ?? ""));
  return first < 0 ? [] : changes.slice(first);
};
