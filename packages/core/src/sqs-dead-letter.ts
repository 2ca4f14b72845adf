// Dead letters on SQS: one message per envelope, batched to what a request may hold.

import { gunzipSync, gzipSync } from "node:zlib";
import { chunk } from "./chunk.ts";
import { asEnvelope, type DeadLetter, type Envelope } from "./dead-letter.ts";
import { ConfigError, SinkError } from "./errors.ts";
import { fifoId } from "./fifo.ts";
import { importPeer } from "./import-peer.ts";
import { attributeBytes } from "./message-attribute.ts";
import { xmlSafe } from "./message-text.ts";

/** Message body and attributes, and all messages of a request together. @see {@link SqsSender} (read 2026-11-23) */
const maxBytes = 1_048_576;
const maxEntries = 10;

/** An entry of `SendMessageBatch`, as far as it is used. */
export interface SqsEntry {
  readonly Id: string;
  readonly MessageBody: string;
  readonly MessageAttributes: Record<string, { DataType: "String"; StringValue: string }>;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
}

/**
 * The one call of `SQS` from `@aws-sdk/client-sqs` that is used; your own client fits.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
 */
export interface SqsSender {
  readonly sendMessageBatch: (input: { QueueUrl: string; Entries: SqsEntry[] }) => Promise<{
    readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined;
    readonly Failed?: readonly { readonly Code?: string | undefined }[] | undefined;
  }>;
}

export interface SqsDeadLetterOptions {
  readonly queueUrl: string;
  /** Default: an `SQS` client with the SDK's own defaults, loaded when the first dead letter is written. */
  readonly client?: SqsSender;
}

/** The envelope as a message body: JSON, its record compressed where the plain form does not fit a message. */
export const encodeEnvelope = (envelope: Envelope, limit: number = maxBytes): string => {
  const plain = xmlSafe(JSON.stringify(envelope));
  if (Buffer.byteLength(plain) <= limit) return plain;
  const { record, ...rest } = envelope;
  return xmlSafe(JSON.stringify({ ...rest, recordGzip: gzipSync(JSON.stringify(record)).toString("base64") }));
};

/** The envelope in a message body; undefined where the body holds none. */
export const decodeEnvelope = (body: string): Envelope | undefined => {
  try {
    const value = JSON.parse(body) as { recordGzip?: string };
    if (typeof value?.recordGzip !== "string") return asEnvelope(value);
    const { recordGzip, ...rest } = value;
    return asEnvelope({ ...rest, record: JSON.parse(gunzipSync(Buffer.from(recordGzip, "base64")).toString()) });
  } catch (error) {
    // Neither JSON nor gzip: not an envelope, which is the answer. Anything else is a bug.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code?.startsWith("Z_")) return undefined;
    throw error;
  }
};

const attributesOf = ({ pipeline, sink, code }: Envelope): SqsEntry["MessageAttributes"] =>
  Object.fromEntries(
    Object.entries({ pipeline, sink, code }).map(([name, value]) => [name, { DataType: "String", StringValue: value }]),
  );

interface Sized {
  readonly envelope: Envelope;
  readonly entry: Omit<SqsEntry, "Id">;
  readonly bytes: number;
}

const sized = (envelope: Envelope, isFifo: boolean): Sized => {
  const attributes = attributesOf(envelope);
  const overhead = attributeBytes(attributes);
  const body = encodeEnvelope(envelope, maxBytes - overhead);
  const keys = JSON.stringify(envelope.record?.dynamodb?.Keys ?? {});
  const ids = { MessageGroupId: fifoId(envelope.sink + keys), MessageDeduplicationId: fifoId(envelope.id) };
  return {
    envelope,
    entry: { MessageBody: body, MessageAttributes: attributes, ...(isFifo && ids) },
    bytes: Buffer.byteLength(body) + overhead,
  };
};

const loadClient = async (): Promise<SqsSender> => {
  const { SQS } = await importPeer("sqsDeadLetter", "@aws-sdk/client-sqs", () => import("@aws-sdk/client-sqs"));
  // The SDK would send to the host in the queue's URL: local engines name hosts there that do not resolve.
  const isEndpointGiven = Boolean(process.env.AWS_ENDPOINT_URL_SQS ?? process.env.AWS_ENDPOINT_URL);
  return new SQS({ useQueueUrlAsEndpoint: !isEndpointGiven }) as SqsSender;
};

interface Answer {
  readonly stored: readonly Envelope[];
  readonly errors: readonly SinkError[];
}

const refused = ({ Code }: { readonly Code?: string | undefined }): SinkError =>
  new SinkError("SINK_UNAVAILABLE", `[dead letter] SQS answered ${Code} for a message; expected it among Successful`);

const tooLarge = ({ bytes }: Sized): SinkError =>
  new SinkError("SINK_TOO_LARGE", `[dead letter] an envelope is ${bytes} bytes compressed; the limit is ${maxBytes}`);

/**
 * Dead letters on an SQS queue, standard or FIFO. The function needs `sqs:SendMessage` on it.
 * @throws {ConfigError} CONFIG_INVALID when `queueUrl` is no URL.
 */
export const sqsDeadLetter = ({ queueUrl, client }: SqsDeadLetterOptions): DeadLetter => {
  if (!URL.canParse(queueUrl)) {
    throw new ConfigError("CONFIG_INVALID", "sqsDeadLetter: queueUrl is missing or no URL; expected the queue's URL");
  }
  let sender: Promise<SqsSender> | undefined;
  const send = async (group: readonly Sized[]): Promise<Answer> => {
    sender ??= client === undefined ? loadClient() : Promise.resolve(client);
    const Entries = group.map(({ entry }, index) => ({ Id: String(index), ...entry }));
    const answer = await (await sender).sendMessageBatch({ QueueUrl: queueUrl, Entries });
    return {
      stored: (answer.Successful ?? []).flatMap(({ Id }) => group[Number(Id)]?.envelope ?? []),
      errors: (answer.Failed ?? []).map(refused),
    };
  };
  return {
    write: async (envelopes) => {
      const all = envelopes.map((envelope) => sized(envelope, queueUrl.endsWith(".fifo")));
      const groups = chunk(
        all.filter(({ bytes }) => bytes <= maxBytes),
        { maxEntries, maxBytes, sizeOf: ({ bytes }) => bytes },
      );
      const results = await Promise.allSettled(groups.map(send));
      return {
        stored: new Set(results.flatMap((result) => (result.status === "fulfilled" ? result.value.stored : []))),
        errors: [
          ...all.filter(({ bytes }) => bytes > maxBytes).map(tooLarge),
          ...results.flatMap((result) => (result.status === "fulfilled" ? result.value.errors : [result.reason])),
        ],
      };
    },
  };
};
