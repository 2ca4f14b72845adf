// Selects dead letters by sink, code, time and key.

import { type Envelope, messageContent } from "@sluice/core/envelope";
import type { Payloads } from "../aws/payloads.ts";
import type { OptionValues } from "../command-line/arguments.ts";
import { CommandError } from "../command-line/command-error.ts";
import type { MessageReader } from "../message-source/receive-units.ts";
import { type KeyMatch, keyMatch } from "./item-key.ts";
import { sinceTime } from "./since.ts";

/** Criteria that select dead letters. A dead letter must meet all criteria that are given. */
export interface DeadLetterFilter {
  /** Whole ids of dead letters. */
  readonly ids?: ReadonlySet<string> | undefined;
  readonly sinks?: readonly string[] | undefined;
  readonly codes?: readonly string[] | undefined;
  /** Earliest time, in milliseconds since the epoch. */
  readonly since?: number | undefined;
  readonly keys?: readonly KeyMatch[] | undefined;
}

/** The command-line options of the filter. */
export const filterOptions = {
  id: {
    type: "string",
    multiple: true,
    value: "ID",
    help: "only the dead letter with this whole id (may be repeated)",
  },
  sink: { type: "string", multiple: true, value: "NAME", help: "only dead letters of this sink (may be repeated)" },
  code: {
    type: "string",
    multiple: true,
    value: "CODE",
    help: "only dead letters with this error code (may be repeated)",
  },
  since: {
    type: "string",
    value: "TIME",
    help: "only dead letters that first failed since a time (2026-01-02T03:04:05Z), or within a span (90m, 2h, 3d)",
  },
  key: {
    type: "string",
    multiple: true,
    value: "JSON",
    help: `only dead letters of this item (may be repeated): its key attributes as JSON, plain '{"pk":"a","sk":1}' or as DynamoDB writes them '{"pk":{"S":"a"},"sk":{"N":"1"}}'; the partition key alone matches all of its items`,
  },
} as const;

const codePattern = /^[A-Z]+(_[A-Z]+)+$/;

const checkCodes = (codes: readonly string[] | undefined): readonly string[] | undefined => {
  const wrong = codes?.find((code) => !codePattern.test(code));
  if (wrong === undefined) return codes;
  throw new CommandError(`--code is "${wrong}"; expected a code as dead-letters list shows it, such as SINK_REJECTED`);
};

/** Creates the filter from the options. @throws {CommandError} when an option is wrong */
export const deadLetterFilter = (
  { id, sink, code, since, key }: OptionValues<typeof filterOptions>,
  now: number,
): DeadLetterFilter => ({
  ids: id && new Set(id),
  sinks: sink,
  codes: checkCodes(code),
  since: since === undefined ? undefined : sinceTime(since, now),
  keys: key?.map(keyMatch),
});

/** Whether the filter has at least one criterion. */
export const isSelective = (filter: DeadLetterFilter): boolean =>
  Object.values(filter).some((part) => part !== undefined);

const isSelected = ({ ids, sinks, codes, since, keys }: DeadLetterFilter, envelope: Envelope): boolean =>
  (ids === undefined || ids.has(envelope.id)) &&
  (sinks === undefined || sinks.includes(envelope.sink)) &&
  (codes === undefined || codes.includes(envelope.code)) &&
  (since === undefined || Date.parse(envelope.firstFailedAt) >= since) &&
  (keys === undefined || keys.some((matches) => matches(envelope.record.dynamodb?.Keys)));

/** What a command needs of each dead letter that the filter selects. */
export interface DeadLetterCollector<Value> {
  readonly needsRecord: (envelope: Envelope) => boolean;
  /** Returns the value to store for a dead letter. The envelope has no record if the record is lost or not needed. */
  readonly keep: (envelope: Envelope, isLost: boolean, body: string) => Value | Promise<Value>;
  /** Whether a dead letter whose record is outside of the payload store is unsupported. Default: false. */
  readonly refusesOutside?: boolean;
  /** If given, the reader selects only messages without a readable envelope. Returns the value to store for a body. */
  readonly keepUnsupported?: ((body: string) => Value | Promise<Value>) | undefined;
}

/**
 * Creates a reader that selects dead letters by a filter. Fetches a record from S3 only if the filter or the command
 * needs the record, and only after the criteria that need no record have matched.
 */
export const readDeadLetters =
  <Value>(
    filter: DeadLetterFilter,
    payloads: Pick<Payloads, "fetch" | "isInside">,
    { needsRecord, keep, refusesOutside = false, keepUnsupported }: DeadLetterCollector<Value>,
  ): MessageReader<Value> =>
  ({ body }) => {
    const content = messageContent(body);
    if (content.kind === "unsupported" && keepUnsupported) return { select: async () => keepUnsupported(body) };
    if (content.kind !== "dead-letter") return undefined;
    if (keepUnsupported) return { select: async () => undefined };
    const { envelope } = content;
    if (refusesOutside && envelope.recordUrl !== undefined && !payloads.isInside(envelope.recordUrl)) {
      return "a dead letter whose record is in S3, outside of the store that --payload-store names";
    }
    const select = async (): Promise<Value | undefined> => {
      if (!isSelected({ ...filter, keys: undefined }, envelope)) return undefined;
      const isFetched = envelope.recordUrl !== undefined && (filter.keys !== undefined || needsRecord(envelope));
      const whole = isFetched ? await payloads.fetch(envelope) : envelope;
      return isSelected(filter, whole ?? envelope) ? keep(whole ?? envelope, whole === undefined, body) : undefined;
    };
    const { pipeline, sink, id, recordUrl } = envelope;
    return { deadLetterId: JSON.stringify([pipeline, sink, id]), recordUrl, select };
  };
