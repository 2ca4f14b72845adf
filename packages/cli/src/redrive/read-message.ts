// From a message to what a redrive sends of it: dead letters, or what Lambda gave up on.

import { decodeEnvelope, type Envelope } from "@sluice/core/envelope";
import { chunk, decodeRecord, RecordError } from "@sluice/core/sink-kit";
import type { Claims } from "../aws/payloads.ts";
import { type InvocationRecord, invocationIn, isNews, membersIn } from "../../../redrive/src/message-content.ts";
import { isMeant, type LetterFilter } from "../filter/dead-letter-filter.ts";
import type { Taken } from "../message-source/message-source.ts";

/** A message as it is sent. */
export interface Part {
  readonly lane: string;
  readonly version: string;
  readonly body: string;
}

/** What a message holds. */
export interface Reading {
  /** Equal for copies of one delivery; undefined where there is no such thing. */
  readonly letterId?: string;
  /** Whether the filter takes it. */
  readonly isMeant: boolean;
  readonly parts: readonly Part[];
  /** Where its record stands. */
  readonly claim?: string;
}

/** Reads messages; undefined for one of another kind. */
export type Reader = (message: Taken) => Promise<Reading | undefined>;

/** What keeps a dead letter's order. One that cannot be decoded stands for itself. */
const orderOf = ({ id, pipeline, sink, record }: Envelope): Pick<Part, "lane" | "version"> => {
  try {
    const { itemKey, version } = decodeRecord(record, "redrive");
    return { lane: JSON.stringify([sink, pipeline, itemKey]), version };
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    return { lane: JSON.stringify([sink, pipeline, id]), version: "" };
  }
};

/** Reads dead letters. Their bodies are sent as they are: the handler fetches what they claim for itself. */
export const letterReader =
  (filter: LetterFilter, claims: Claims): Reader =>
  async ({ text }) => {
    const letter = decodeEnvelope(text);
    if (letter === undefined) return undefined;
    const { id: letterId, recordUrl: claim } = letter;
    const claiming = { letterId, ...(claim !== undefined && { claim }) };
    // Its keys may stand in S3: they are fetched only where all else fits.
    if (!isMeant({ ...filter, keys: undefined }, letter)) return { ...claiming, isMeant: false, parts: [] };
    const whole = claim === undefined ? letter : ((await claims.fetch(letter)) ?? letter);
    return { ...claiming, isMeant: isMeant(filter, whole), parts: [{ ...orderOf(whole), body: text }] };
  };

/** Most bytes of one message in a request: as JSON text within JSON. */
const maxPartBytes = 4_000_000;

const bytesWithin = (text: string): number => Buffer.byteLength(JSON.stringify(text));

/** The stream records in an invocation record's payload; none where that is cut off. */
const recordsIn = ({ payload }: InvocationRecord): readonly unknown[] => {
  const event = typeof payload === "string" ? membersIn(payload) : payload;
  const { Records } = (event ?? {}) as { readonly Records?: unknown };
  return Array.isArray(Records) ? Records : [];
};

const limits = {
  maxEntries: Number.POSITIVE_INFINITY,
  maxBytes: maxPartBytes,
  sizeOf: (record: unknown) => bytesWithin(JSON.stringify(record)),
};

/** The bodies of a message: itself, or where that is too large for a request, its records in several, or its pointer. */
const bodiesOf = (text: string, value: InvocationRecord): readonly string[] => {
  if (bytesWithin(text) <= maxPartBytes) return [text];
  const parts = chunk(recordsIn(value), limits).map((Records) => JSON.stringify({ ...value, payload: { Records } }));
  return parts.length > 0 ? parts : [JSON.stringify({ ...value, payload: undefined })];
};

const shardOrder = (id: string, { DDBStreamBatchInfo: batch }: InvocationRecord): Pick<Part, "lane" | "version"> => {
  if (batch?.streamArn === undefined) return { lane: id, version: "" };
  return {
    lane: JSON.stringify([batch.streamArn, batch.shardId]),
    version: String(batch.startSequenceNumber).padStart(40, "0"),
  };
};

/** Reads what Lambda sent to an on-failure destination: invocation records, or S3's news of objects with them. */
export const onFailureDestinationReader =
  (since: number | undefined): Reader =>
  async ({ id, text }) => {
    const value = invocationIn(text);
    if (value === undefined) return undefined;
    const order = shardOrder(id, value);
    return {
      isMeant: since === undefined || isNews(value) || Date.parse(String(value.timestamp)) >= since,
      parts: bodiesOf(text, value).map((body) => ({ ...order, body })),
    };
  };
