// Reads the records in a message. A message is one of Sluice's envelopes, a pointer or a whole event from Lambda's
// on-failure destination, or an S3 notification of an object with such an event. SNS may have wrapped it.

import { eachBounded } from "../async/bounded.ts";
import {
  decodeEnvelope,
  decompressed,
  type Envelope,
  type InflationBudget,
  inflationBudget,
  maxRecordBytes,
} from "../envelope/envelope.ts";
import type { PayloadStore } from "../envelope/payload-store.ts";
import { PendingError, RecordError, SinkError } from "../errors.ts";
import type { Origin, StreamRecord } from "../record/change.ts";
import type { QueueRecord, RecognisedEvent } from "./event.ts";
import { lostError, lostObjectError, objectUrl } from "./lost-records.ts";
import {
  type BatchPointer,
  type InvocationRecord,
  jsonMembers,
  messageContent,
  type ObjectAddress,
  objectsIn,
  payloadIn,
  pointerIn,
} from "./message-content.ts";
import type { OnFailureDestinationReader } from "./on-failure-destination.ts";
import { type Received, type Reception, receive } from "./received.ts";

const messagesAtOnce = 8;

/** A forged envelope may name a route of any length. */
const maxShownName = 80;

/** A pipeline's settings for its messages, and the stores of the records that messages point to. */
export interface MessageSettings {
  readonly pipeline: string;
  /** Names of the pipeline's routes. */
  readonly routes: ReadonlySet<string>;
  readonly payloadStores: readonly PayloadStore[];
  readonly onFailureDestination: OnFailureDestinationReader;
}

/** The settings, and the invocation that reads the messages. */
interface Reading extends MessageSettings, Reception {
  readonly origin: Origin;
  readonly signal: AbortSignal;
  readonly budget: InflationBudget;
}

const nothing = { change: undefined, error: undefined, record: {}, envelope: undefined };

const expectedMessage = "an envelope of this pipeline, or what Lambda sends to an on-failure destination";

const malformed = (found: string, expected: string = expectedMessage): RecordError =>
  new RecordError("RECORD_MALFORMED", `a message holds ${found}; expected ${expected}`);

/**
 * Decodes a stored record.
 * @throws {RecordError} RECORD_LOST when the bytes are not a record, RECORD_MALFORMED when the budget is spent.
 */
const recordFrom = (bytes: Uint8Array, url: string, budget: InflationBudget): StreamRecord => {
  const lost = (cause: unknown) => new RecordError("RECORD_LOST", `the object at ${url} is not a record`, { cause });
  const isShort = budget.left < maxRecordBytes;
  try {
    const record: unknown = decompressed(bytes, budget);
    if (typeof record === "object" && record !== null) return record;
  } catch (error) {
    if (isShort) throw malformed("a record beyond what one event may decompress", "fewer large records in one event");
    throw lost(error);
  }
  throw lost(undefined);
};

/** Returns the record that an envelope points to. */
const offloaded = async (
  { recordUrl = "" }: Envelope,
  { payloadStores, budget }: Pick<Reading, "payloadStores" | "budget">,
): Promise<StreamRecord> => {
  let refusal = malformed("the address of a record", "the record itself, as this pipeline has no payloadStore");
  for (const payloadStore of payloadStores) {
    try {
      return recordFrom(await payloadStore.get(recordUrl), recordUrl, budget);
    } catch (error) {
      if (!(error instanceof RecordError) || error.code !== "RECORD_MALFORMED") throw error;
      refusal = error;
    }
  }
  throw refusal;
};

/** The error for an envelope of a route that this pipeline does not have: the route was renamed or removed. */
const unrouted = (sink: string, routes: ReadonlySet<string>): RecordError => {
  const name = JSON.stringify(sink.slice(0, maxShownName));
  const known = [...routes].map((route) => JSON.stringify(route)).join(", ");
  return new RecordError(
    "RECORD_UNROUTED",
    `the envelope is of the route ${name}; expected a route of this pipeline: ${known}. Name a route ${name} to deliver ` +
      "the message, or delete the message",
  );
};

const fromEnvelope = async (envelope: Envelope, source: number, reading: Reading): Promise<Received[]> => {
  const { pipeline, routes, origin } = reading;
  if (envelope.pipeline !== pipeline) throw malformed("an envelope of another pipeline");
  if (!routes.has(envelope.sink)) throw unrouted(envelope.sink, routes);
  const { code, message, record, recordUrl } = envelope;
  // The record of an envelope with RECORD_LOST describes the loss, and contains no change.
  if (code === "RECORD_LOST") return [{ ...nothing, record, error: new RecordError(code, message), envelope, source }];
  if (recordUrl === undefined) return [receive(record, { source, origin, envelope }, reading)];
  try {
    const record = await offloaded(envelope, reading);
    return [receive(record, { source, origin, envelope: { ...envelope, record } }, reading)];
  } catch (error) {
    // A lost record is rejected, like any other record that cannot be sent.
    if (!(error instanceof RecordError) || error.code !== "RECORD_LOST") throw error;
    return [{ ...nothing, error, envelope, source }];
  }
};

const fromRecords = (records: readonly StreamRecord[], source: number, reading: Reading): Received[] =>
  records.map((record) => receive(record, { source, origin: reading.origin, envelope: undefined }, reading));

/** The error for a message that only a reader of the on-failure destination can read. */
const unreadable = (found: string, reader: string): RecordError =>
  new RecordError(
    "RECORD_UNREADABLE",
    `a message of Lambda's on-failure destination holds ${found}; expected the option onFailureDestination: ${reader}`,
  );

const fromPointer = async (pointer: BatchPointer, source: number, reading: Reading): Promise<Received[]> => {
  reading.source.check(pointer.streamArn);
  const { readStream } = reading.onFailureDestination;
  if (readStream === undefined) throw unreadable("a pointer into the stream", "onFailureDestinationReader()");
  const { records, lost } = await readStream(pointer, reading.signal);
  const found = fromRecords(records, source, reading);
  if (lost === 0) return found;
  // The dead letter shows the pointer as Lambda sent it.
  const record = { eventSourceARN: pointer.streamArn, DDBStreamBatchInfo: pointer } as StreamRecord;
  return [...found, { ...nothing, record, error: lostError(pointer, lost), source }];
};

/** Reads Lambda's record of a failed invocation, which contains the whole event or a pointer. */
const fromInvocation = async (record: InvocationRecord, source: number, reading: Reading) => {
  const payload = payloadIn(record);
  if (payload !== undefined) return fromRecords(payload, source, reading);
  const pointer = pointerIn(record);
  return pointer && fromPointer(pointer, source, reading);
};

/** Reads a failed invocation from an object. An S3 notification in it is refused: it could point to itself. */
const fromObject = async (address: ObjectAddress, source: number, reading: Reading): Promise<Received[]> => {
  const url = objectUrl(address);
  const { readObject } = reading.onFailureDestination;
  if (readObject === undefined) throw unreadable(`the address ${url}`, "onFailureBucketReader({ bucket })");
  try {
    const text = await readObject(address);
    const found = await fromInvocation(jsonMembers(text), source, reading);
    if (found !== undefined) return found;
  } catch (error) {
    if (!(error instanceof RecordError) || error.code !== "RECORD_LOST") throw error;
    const { bucket, key } = address;
    const record = { s3: { bucket: { name: bucket }, object: { key } } } as StreamRecord;
    return [{ ...nothing, record, error: lostObjectError(address), source }];
  }
  throw malformed(`the object ${url}, which is not an invocation`);
};

const fromOnFailure = async (record: InvocationRecord, source: number, reading: Reading): Promise<Received[]> => {
  const found = await fromInvocation(record, source, reading);
  if (found !== undefined) return found;
  const objects = objectsIn(record);
  if (objects === undefined) throw malformed("no envelope");
  const all: Received[] = [];
  for (const address of objects) all.push(...(await fromObject(address, source, reading)));
  return all;
};

const fromText = async (text: string, source: number, reading: Reading): Promise<Received[]> => {
  const content = messageContent(text, reading.budget);
  if (content.kind === "dead-letter") return fromEnvelope(content.envelope, source, reading);
  if (content.kind === "on-failure") return fromOnFailure(content.record, source, reading);
  throw malformed(content.kind === "unsupported" ? content.found : `an envelope of version ${content.version}`);
};

const fromRecord = (record: unknown, source: number, reading: Reading): Promise<Received[]> => {
  const { body, Sns } = record as Partial<QueueRecord> & { readonly Sns?: { readonly Message?: string } };
  const text = body ?? Sns?.Message;
  if (text !== undefined) return fromText(text, source, reading);
  return fromOnFailure(pointerIn(record as object) ? (record as object) : { Records: [record] }, source, reading);
};

/** Returns the message's group, if the message is from a FIFO queue. A standard queue has no order in its groups. */
const fifoGroupOf = (record: unknown): string | undefined => {
  const { eventSourceARN, attributes } = record as Partial<QueueRecord>;
  return eventSourceARN?.endsWith(".fifo") ? attributes?.MessageGroupId : undefined;
};

/** Returns the message as unread, because an earlier message of its group was not read and must not be overtaken. */
const waiting = ({ source, envelope }: Received): Received => ({
  ...nothing,
  envelope,
  source,
  unread: new PendingError("DELIVERY_PENDING", "an earlier message of the group was not read"),
});

/** Keeps the order of FIFO groups: after a message that was not read, no later message of its group is delivered. */
const inOrder = (messages: readonly (readonly Received[])[], records: readonly unknown[]): Received[] => {
  const stopped = new Set<string>();
  return messages.flatMap((found, source) => {
    const group = fifoGroupOf(records[source]);
    if (group === undefined) return found;
    if (stopped.has(group)) return found.slice(0, 1).map(waiting);
    if (found.some(({ unread }) => unread !== undefined)) stopped.add(group);
    return found;
  });
};

/** Reads the records in the messages of an event. */
export type MessageReader = (
  event: RecognisedEvent,
  origin: Origin,
  reception: Reception,
  signal: AbortSignal,
) => Promise<readonly Received[]>;

/** Creates the reader of a pipeline's messages. If a message cannot be read, `unread` has the reason. */
export const messageReader =
  (settings: MessageSettings): MessageReader =>
  async ({ records }, origin, reception, signal) => {
    const reading: Reading = { ...settings, ...reception, origin, signal, budget: inflationBudget() };
    const found = await eachBounded([...records.entries()], messagesAtOnce, async ([source, record]) => {
      try {
        return await fromRecord(record, source, reading);
      } catch (error) {
        if (!(error instanceof RecordError) && !(error instanceof SinkError)) throw error;
        const { body } = record as Partial<QueueRecord>;
        const envelope = body === undefined ? undefined : decodeEnvelope(body, reading.budget);
        return [{ ...nothing, envelope, source, unread: error }];
      }
    });
    return inOrder(found, records);
  };

/**
 * Returns the records of a stream event, a backfill or a replay. Only a stream event tells an environment its table.
 * @throws {RecordError} RECORD_FOREIGN when the stream is of a table that the pipeline does not replicate.
 */
export const streamRecords = (
  { records }: RecognisedEvent,
  origin: Origin,
  reception: Reception,
): readonly Received[] => {
  if (origin === "stream") for (const record of records) reception.source.pin(record as StreamRecord);
  return records.map((record, source) =>
    receive(record as StreamRecord, { source, origin, envelope: undefined }, reception),
  );
};
