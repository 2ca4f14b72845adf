// Shows one dead letter. Shows its item values only if the user asks for them.

import type { Envelope } from "@sluice/core/envelope";
import type { Image } from "@sluice/core/sink-kit";
import { ageText } from "../terminal/format.ts";

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

/** Formats a dead letter as lines. `copies` is the number of messages that contain this dead letter. */
export const showLines = (envelope: Envelope, copies: number, hasValues: boolean, now: number): string[] => {
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
    ["record", recordUrl === undefined ? "" : `not found at ${recordUrl}`],
    ["messages", String(copies)],
  ];
  const lines = rows.filter(([, text]) => text !== "").map(([name, text]) => `${name.padEnd(14)}${text}`);
  return hasValues && recordUrl === undefined ? [...lines, "record", JSON.stringify(record, undefined, 2)] : lines;
};
