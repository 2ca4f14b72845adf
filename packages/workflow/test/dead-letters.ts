// Dead letters of a pipeline named "orders".

import { type Envelope, encodeEnvelope, type StreamRecord } from "@sluice/core/envelope";
import { streamRecord } from "@sluice/testing";

/** The record of a change that inserts an order. */
export const orderRecord = (id: string, position = 1, item: Record<string, unknown> = { total: 5 }): StreamRecord =>
  streamRecord({ keyNames: ["id"], after: { id, ...item }, position });

export const envelopeOf = (record: StreamRecord, changes: Partial<Envelope> = {}): Envelope => ({
  v: 1,
  id: `${record.eventID}:${changes.sink ?? "copy"}`,
  pipeline: "orders",
  sink: "copy",
  code: "SINK_REJECTED",
  message: "",
  attempts: 1,
  firstFailedAt: "2026-01-02T03:04:05.000Z",
  record,
  ...changes,
});

export const bodyFor = (record: StreamRecord, changes: Partial<Envelope> = {}): string =>
  encodeEnvelope(envelopeOf(record, changes));
