// SendMessageBatch on the wire, in the AWS JSON protocol 1.0. No I/O.

import { isRecord, type WireAttributes } from "@sluice/core/sink-kit";
import type { SendMessageEntry } from "../encode.ts";

type IdEntry = SendMessageEntry & { readonly Id: string };

/** JSON has bytes as base64. */
const jsonAttributes = (attributes: WireAttributes): Record<string, unknown> => {
  const entries = Object.entries(attributes);
  if (entries.every(([, { BinaryValue }]) => BinaryValue === undefined)) return attributes;
  return Object.fromEntries(
    entries.map(([name, { BinaryValue, ...others }]) => [
      name,
      BinaryValue === undefined ? others : { ...others, BinaryValue: Buffer.from(BinaryValue).toString("base64") },
    ]),
  );
};

/** Returns the body of a request. */
export const bodyOf = (QueueUrl: string, entries: readonly IdEntry[]): string =>
  JSON.stringify({
    QueueUrl,
    Entries: entries.map((entry) => ({ ...entry, MessageAttributes: jsonAttributes(entry.MessageAttributes) })),
  });

/** Returns the ids in an answer with the status 200. Undefined if it has failed entries or another form. */
export const takenIds = (text: string): readonly string[] | undefined => {
  const answer: unknown = JSON.parse(text);
  if (!isRecord(answer) || !Array.isArray(answer.Successful)) return undefined;
  const { Successful, Failed = [] } = answer;
  if (!Array.isArray(Failed) || Failed.length > 0) return undefined;
  return Successful.map((entry) => (isRecord(entry) && typeof entry.Id === "string" ? entry.Id : ""));
};
