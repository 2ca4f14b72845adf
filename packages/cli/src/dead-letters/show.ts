// One dead letter: what is known of it, and its values only for those who ask.

import type { Envelope, Image } from "@sluice/core";
import { ageText } from "../words.ts";

/** Attributes and their types: `pk (S), total (N)`. */
const attributesText = (image: Image | undefined): string =>
  Object.entries(image ?? {})
    .map(([name, value]) => `${name} (${Object.keys(value)[0] ?? "?"})`)
    .join(", ");

const changeText = ({ record }: Envelope): string => {
  const { eventName = "?", eventSourceARN = "", dynamodb } = record;
  const [, table = "?"] = /:table\/([^/]+)/.exec(eventSourceARN) ?? [];
  return `${eventName} in table ${table}, sequence number ${dynamodb?.SequenceNumber ?? "?"}`;
};

/** The letter as lines; `copies` are messages that hold it. */
export const showLines = (envelope: Envelope, copies: number, hasValues: boolean, now: number): string[] => {
  const { id, pipeline, sink, code, message, attempts, firstFailedAt, record } = envelope;
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
    ["messages", String(copies)],
  ];
  const lines = rows.filter(([, text]) => text !== "").map(([name, text]) => `${name.padEnd(14)}${text}`);
  return hasValues ? [...lines, "record", JSON.stringify(record, undefined, 2)] : lines;
};
