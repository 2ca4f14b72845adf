// SendMessageBatch on the wire, in the AWS JSON protocol 1.0. No I/O.

import { type IdAnswer, isRecord, type WireAttributes } from "@sluice/core/sink-kit";
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

const isIdList = (value: unknown): boolean =>
  value === undefined ||
  (Array.isArray(value) && value.every((entry) => isRecord(entry) && typeof entry.Id === "string"));

/** Reads an answer with the status 200. Undefined if its form is another one. */
export const answerOf = (text: string): IdAnswer | undefined => {
  const answer: unknown = JSON.parse(text);
  const isAnswer = isRecord(answer) && isIdList(answer.Successful) && isIdList(answer.Failed);
  return isAnswer && (answer.Successful ?? answer.Failed) !== undefined ? (answer as IdAnswer) : undefined;
};
