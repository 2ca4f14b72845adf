// Reads what a redrive sends from a message: a dead letter, or a batch that Lambda sent to its on-failure destination.

import { type InvocationRecord, isS3Notification, messageContent, payloadIn } from "@sluice/core/envelope";
import { chunk } from "@sluice/core/sink-kit";
import { envelopeOrder, invocationOrder, type MessageOrder } from "@sluice/redrive";
import type { Payloads } from "../aws/payloads.ts";
import { type DeadLetterFilter, readDeadLetters } from "../filter/dead-letter-filter.ts";
import type { MessageReader } from "../message-source/receive-units.ts";

/** A body that is sent, and its place in the order. */
export interface MessagePart extends MessageOrder {
  readonly body: string;
}

/** Reads dead letters. Their bodies are sent as they are: the handler fetches records from S3 by itself. */
export const deadLetterReader = (
  filter: DeadLetterFilter,
  payloads: Pick<Payloads, "fetch">,
): MessageReader<readonly MessagePart[]> =>
  readDeadLetters(filter, payloads, {
    needsRecord: () => true,
    keep: (envelope, _, body) => [{ ...envelopeOrder(envelope), body }],
  });

/** Most bytes of one part in a request, as JSON text within JSON. */
const maxPartBytes = 4_000_000;

const bytesInJson = (text: string): number => Buffer.byteLength(JSON.stringify(text));

const limits = {
  maxEntries: Number.POSITIVE_INFINITY,
  maxBytes: maxPartBytes,
  sizeOf: (record: unknown) => bytesInJson(JSON.stringify(record)),
};

/** Returns the body itself. One that is too large for a request is split by its records, or reduced to its pointer. */
const bodiesOf = (body: string, record: InvocationRecord): readonly string[] => {
  if (bytesInJson(body) <= maxPartBytes) return [body];
  const records = payloadIn(record) ?? [];
  const parts = chunk(records, limits).map((Records) => JSON.stringify({ ...record, payload: { Records } }));
  return parts.length > 0 ? parts : [JSON.stringify({ ...record, payload: undefined })];
};

/** Reads what Lambda sent to an on-failure destination: invocation records, or S3's notifications of them. */
export const invocationReader =
  (since: number | undefined): MessageReader<readonly MessagePart[]> =>
  ({ id, body }) => {
    const content = messageContent(body);
    if (content.kind !== "on-failure") return undefined;
    const { record } = content;
    const isSelected = since === undefined || isS3Notification(record) || Date.parse(String(record.timestamp)) >= since;
    const order = invocationOrder(id, record);
    const parts = () => bodiesOf(body, record).map((part) => ({ ...order, body: part }));
    return { select: async () => (isSelected ? parts() : undefined) };
  };
