// Splits a message into the parts that a redrive sends. A message is a dead letter, or a failed batch from Lambda.

import {
  type Envelope,
  encodeEnvelope,
  type InvocationRecord,
  isS3Notification,
  messageContent,
  payloadIn,
} from "@sluice/core/envelope";
import { chunk } from "@sluice/core/sink-kit";
import { envelopeOrder, invocationOrder, type MessageOrder } from "@sluice/redrive";
import type { Payloads } from "../aws/payloads.ts";
import { type DeadLetterFilter, readDeadLetters } from "../filter/dead-letter-filter.ts";
import type { MessageReader } from "../message-source/receive-units.ts";

/** A body to send, and its place in the sending order. */
export interface MessagePart extends MessageOrder {
  readonly body: string;
  readonly deadLetterId?: string;
}

/** Creates a reader of dead letters. Without `edit`, a body is sent unchanged: if the record is in S3, the handler fetches it. */
export const deadLetterReader = (
  filter: DeadLetterFilter,
  payloads: Pick<Payloads, "fetch" | "isInside">,
  edit?: (envelope: Envelope) => Envelope,
): MessageReader<readonly MessagePart[]> =>
  readDeadLetters(filter, payloads, {
    needsRecord: () => true,
    refusesOutside: true,
    keep: (envelope, _, body) => {
      const part = { ...envelopeOrder(envelope), deadLetterId: envelope.id };
      return [{ ...part, body: edit === undefined ? body : encodeEnvelope(edit(envelope), Number.POSITIVE_INFINITY) }];
    },
  });

/** Maximum bytes of one part. Counts the part as a JSON string, in which quotes are escaped. */
const maxPartBytes = 4_000_000;

const bytesInJson = (text: string): number => Buffer.byteLength(JSON.stringify(text));

const limits = {
  maxEntries: Number.POSITIVE_INFINITY,
  maxBytes: maxPartBytes,
  sizeOf: (record: unknown) => bytesInJson(JSON.stringify(record)),
};

/** Returns the bodies to send: usually `body` itself. Splits the records of a large body, or omits its payload. */
const bodiesOf = (body: string, record: InvocationRecord): readonly string[] => {
  if (bytesInJson(body) <= maxPartBytes) return [body];
  const records = payloadIn(record) ?? [];
  const parts = chunk(records, limits).map((Records) => JSON.stringify({ ...record, payload: { Records } }));
  return parts.length > 0 ? parts : [JSON.stringify({ ...record, payload: undefined })];
};

/** Returns NaN for a record without a time. `String` would throw for an object with a member `toString`. */
const timeOf = ({ timestamp }: InvocationRecord): number =>
  typeof timestamp === "string" ? Date.parse(timestamp) : Number.NaN;

/** Creates a reader of an on-failure destination's messages: Lambda's invocation records, or S3 notifications. */
export const invocationReader =
  (since: number | undefined): MessageReader<readonly MessagePart[]> =>
  ({ id, body }) => {
    const content = messageContent(body);
    if (content.kind !== "on-failure") return undefined;
    const { record } = content;
    const isSelected = since === undefined || isS3Notification(record) || timeOf(record) >= since;
    const order = invocationOrder(id, record);
    const parts = () => bodiesOf(body, record).map((part) => ({ ...order, body: part }));
    return { select: async () => (isSelected ? parts() : undefined) };
  };
