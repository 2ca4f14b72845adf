// A letter: an envelope on its way to a queue, made small enough for a message.

import { SinkError } from "../errors.ts";
import { attributeBytes } from "../sink/message-attribute.ts";
import { claimBody, compressed, type Envelope, gzipBody, maxMessageBytes, plainBody } from "./envelope.ts";
import type { ClaimCheck } from "./payload-store.ts";

/** An envelope, and what it must not overtake: envelopes of one group are stored in order. */
export interface Letter {
  readonly envelope: Envelope;
  readonly group: string;
}

/** An entry of `SendMessageBatch`, as far as it is used. */
export interface SqsEntry {
  readonly Id: string;
  readonly MessageBody: string;
  readonly MessageAttributes: Record<string, { DataType: "String"; StringValue: string }>;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
  readonly DelaySeconds?: number;
}

/** A letter that was weighed. */
export interface SizedLetter extends Letter {
  readonly entry: Omit<SqsEntry, "Id">;
  readonly bytes: number;
  /** Where the record is kept, if it had to be. */
  readonly claim: string | undefined;
}

const attributesOf = ({ pipeline, sink, code }: Envelope): SqsEntry["MessageAttributes"] =>
  Object.fromEntries(
    Object.entries({ pipeline, sink, code }).map(([name, value]) => [name, { DataType: "String", StringValue: value }]),
  );

interface Body {
  readonly body: string;
  readonly claim?: string;
}

/** The first form that fits: plain, compressed, and with a claim check the address of the record. */
const bodyOf = async (envelope: Envelope, limit: number, claimCheck: ClaimCheck | undefined): Promise<Body> => {
  // Its record is kept already, and was not to be had.
  if (envelope.recordClaim !== undefined) return { body: claimBody(envelope, envelope.recordClaim) };
  const plain = plainBody(envelope);
  if (Buffer.byteLength(plain) <= limit) return { body: plain };
  const record = compressed(envelope.record);
  const gzip = gzipBody(envelope, record);
  if (claimCheck === undefined || Buffer.byteLength(gzip) <= limit) return { body: gzip };
  const claim = await claimCheck.put(record);
  return { body: claimBody(envelope, claim), claim };
};

/**
 * The letter with its message, and what that weighs.
 * @throws {SinkError} SINK_TOO_LARGE when no form of it fits, and what the claim check answers.
 */
export const sizedLetter = async (
  name: string,
  letter: Letter,
  claimCheck: ClaimCheck | undefined,
): Promise<SizedLetter> => {
  const attributes = attributesOf(letter.envelope);
  const overhead = attributeBytes(attributes);
  const { body, claim } = await bodyOf(letter.envelope, maxMessageBytes - overhead, claimCheck);
  const bytes = Buffer.byteLength(body) + overhead;
  if (bytes > maxMessageBytes) {
    const found = `[${name}] an envelope is ${bytes} bytes compressed; the limit is ${maxMessageBytes}`;
    throw new SinkError("SINK_TOO_LARGE", `${found}, beyond which it needs a claimCheck`);
  }
  return { ...letter, entry: { MessageBody: body, MessageAttributes: attributes }, claim, bytes };
};
