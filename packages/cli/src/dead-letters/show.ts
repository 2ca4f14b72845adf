// Shows one dead letter. Shows its item values only if the user asks for them.

import { type Envelope, encodeEnvelope } from "@sluice/core/envelope";
import type { Image } from "@sluice/core/sink-kit";
import { ageText } from "../terminal/format.ts";
import { plainJson } from "../terminal/plain-text.ts";

/** Formats the names and types of attributes: `pk (S), total (N)`. */
const attributesText = (image: Image | undefined): string =>
  Object.entries(image ?? {})
    .map(([name, value]) => `${name} (${Object.keys(value ?? {})[0] ?? "?"})`)
    .join(", ");

/** Returns the value if it is a string, otherwise `?`. A handwritten record may contain any JSON value here. */
const textOf = (value: unknown): string => (typeof value === "string" ? value : "?");

/** Describes the record's change. Returns an empty text if the record is lost. */
const changeText = ({ record }: Envelope): string => {
  const { eventName, eventSourceARN, dynamodb } = record;
  if (!dynamodb) return "";
  const [, table = "?"] = /:table\/([^/]+)/.exec(textOf(eventSourceARN)) ?? [];
  return `${textOf(eventName)} in table ${table}, sequence number ${textOf(dynamodb.SequenceNumber)}`;
};

/** Formats a value as JSON. Returns undefined for a value of thousands of levels: `JSON.stringify` throws a RangeError. */
export const prettyJson = (value: object): string | undefined => {
  try {
    return plainJson(JSON.stringify(value, undefined, 2));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
};

const recordLines = (envelope: Envelope): string[] =>
  prettyJson(envelope.record)?.split("\n") ?? [plainJson(encodeEnvelope(envelope, Number.POSITIVE_INFINITY))];

/**
 * Formats a dead letter as lines. `copies` is the number of messages that contain this dead letter. `isRead`:
 * whether the command looked for a record in S3.
 */
export const showLines = (
  envelope: Envelope,
  copies: number,
  hasValues: boolean,
  now: number,
  isRead = true,
): string[] => {
  const { id, pipeline, sink, code, message, attempts, firstFailedAt, record, recordUrl } = envelope;
  const { Keys, NewImage, OldImage } = record.dynamodb ?? {};
  const rows: readonly (readonly [string, string])[] = [
    ["id", id],
    ["pipeline", pipeline],
    ["sink", sink],
    ["code", code],
    ["message", message],
    ["attempts", String(attempts)],
    ["first failed", `${firstFailedAt} (${ageText(firstFailedAt, now)} ago)`],
    ["change", changeText(envelope)],
    ["key", attributesText(Keys)],
    ["new image", attributesText(NewImage)],
    ["old image", attributesText(OldImage)],
    ["record", recordUrl === undefined ? "" : `${isRead ? "not found at" : "not read from"} ${recordUrl}`],
    ["messages", String(copies)],
  ];
  const lines = rows.filter(([, text]) => text !== "").map(([name, text]) => `${name.padEnd(14)}${text}`);
  return hasValues && recordUrl === undefined ? [...lines, "record", ...recordLines(envelope)] : lines;
};
