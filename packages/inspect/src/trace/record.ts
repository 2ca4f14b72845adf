// Which records are of the item, and which versions they have. Records of messages may be forged, and may have any form.

import { type Image, type StreamRecord, streamEpoch, versionOf } from "@sluice/core/envelope";
import { RecordError } from "@sluice/core/sink-kit";

type Parts = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;

/** Whether these are the item's keys. Both are spelled as DynamoDB spells them. */
export const isKeyOf = (keys: Image, found: unknown): boolean => {
  if (typeof found !== "object" || found === null) return false;
  const names = Object.keys(keys);
  if (Object.keys(found).length !== names.length) return false;
  return names.every((name) => {
    const [[type = "", text] = []] = Object.entries(keys[name] ?? {});
    return Object.hasOwn(found, name) && (found as Parts)[name]?.[type] === text;
  });
};

/** Returns the version of a record's change; undefined if the record does not tell it. */
export const versionIn = ({ eventSourceARN, dynamodb }: StreamRecord): string | undefined => {
  const number: unknown = dynamodb?.SequenceNumber;
  if (typeof eventSourceARN !== "string" || typeof number !== "string") return undefined;
  try {
    return versionOf(streamEpoch(eventSourceARN), number);
  } catch (error) {
    if (error instanceof RecordError) return undefined;
    throw error;
  }
};
