// Encodes an envelope as an SQS message, in a form that is small enough.

import { SinkError } from "../errors.ts";
import { attributeBytes } from "../sink/message-attribute.ts";
import { compressed, type Envelope, gzipBody, maxMessageBytes, plainBody, recordUrlBody } from "./envelope.ts";
import type { PayloadStore } from "./payload-store.ts";
import type { SqsEntry } from "./sqs-client.ts";

/** An envelope to send to a queue. Envelopes of one group are stored in order. */
export interface EnvelopeMessage {
  readonly envelope: Envelope;
  readonly group: string;
}

/** A message whose size is known. */
export interface SizedMessage extends EnvelopeMessage {
  readonly entry: Omit<SqsEntry, "Id">;
  readonly bytes: number;
  /** Address of the record, if the record is in the payload store. */
  readonly url: string | undefined;
}

const attributesOf = ({ pipeline, sink, code }: Envelope): SqsEntry["MessageAttributes"] =>
  Object.fromEntries(
    Object.entries({ pipeline, sink, code }).map(([name, value]) => [name, { DataType: "String", StringValue: value }]),
  );

/** Returns the first form that fits: plain, compressed, or (if there is a payload store) with the record's address. */
const bodyOf = async (
  envelope: Envelope,
  limit: number,
  payloadStore: PayloadStore | undefined,
): Promise<{ readonly body: string; readonly url?: string }> => {
  // The record was already in the payload store, but could not be fetched.
  if (envelope.recordUrl !== undefined) return { body: recordUrlBody(envelope, envelope.recordUrl) };
  const plain = plainBody(envelope);
  if (Buffer.byteLength(plain) <= limit) return { body: plain };
  const record = compressed(envelope.record);
  const gzip = gzipBody(envelope, record);
  if (payloadStore === undefined || Buffer.byteLength(gzip) <= limit) return { body: gzip };
  const url = await payloadStore.put(record);
  return { body: recordUrlBody(envelope, url), url };
};

/**
 * Returns the entry of a message, and its size in bytes.
 * @throws {SinkError} SINK_TOO_LARGE when no form of the envelope fits. @throws the payload store's error.
 */
export const sizedMessage = async (
  name: string,
  message: EnvelopeMessage,
  payloadStore: PayloadStore | undefined,
): Promise<SizedMessage> => {
  const attributes = attributesOf(message.envelope);
  const overhead = attributeBytes(attributes);
  const { body, url } = await bodyOf(message.envelope, maxMessageBytes - overhead, payloadStore);
  const bytes = Buffer.byteLength(body) + overhead;
  if (bytes > maxMessageBytes) {
    const found = `[${name}] an envelope is ${bytes} bytes compressed; the limit is ${maxMessageBytes}`;
    throw new SinkError("SINK_TOO_LARGE", `${found}, beyond which it needs a payloadStore`);
  }
  return { ...message, entry: { MessageBody: body, MessageAttributes: attributes }, url, bytes };
};
