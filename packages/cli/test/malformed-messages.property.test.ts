// A message may contain any text. If a message is malformed, every command must report it and continue.

import { expect, test } from "@jest/globals";
import { decodeEnvelope } from "@sluice/core/envelope";
import fc from "fast-check";
import { deadLetterLines, groupLines, rowOf } from "../src/dead-letters/list.ts";
import { showLines } from "../src/dead-letters/show.ts";
import { keyMatch } from "../src/filter/item-key.ts";
import { unsupportedMessages } from "../src/message-source/unsupported-messages.ts";
import { deadLetterReader, invocationReader } from "../src/redrive/read-message.ts";
import { deadLetterOf } from "./support/dead-letters.ts";

const payloads = { fetch: async () => undefined, isInside: () => true };
const readers = [
  deadLetterReader({ keys: [keyMatch('{"pk":"a"}')] }, payloads),
  deadLetterReader({}, payloads),
  invocationReader(0),
];

/** `String` throws for the second kind of value. */
const any = fc.oneof(
  fc.jsonValue(),
  fc.jsonValue().map((value) => [{ toString: value }]),
);
const object = (members: readonly string[]) =>
  fc.record(Object.fromEntries(members.map((name) => [name, any])), { requiredKeys: [] });
const image = fc.oneof(any, fc.dictionary(fc.string(), any));
const dynamodb = fc.oneof(any, fc.record({ Keys: image, NewImage: image, OldImage: image, SequenceNumber: any }));
const record = fc.oneof(any, fc.record({ dynamodb, eventName: any, eventSourceARN: fc.oneof(any, fc.string()) }));
const deadLetter = record.map((record) => ({ ...deadLetterOf("a"), record }));
const invocation = fc.record({
  DDBStreamBatchInfo: fc.oneof(any, object(["streamArn", "shardId", "startSequenceNumber"])),
  Records: fc.oneof(any, fc.array(fc.oneof(any, object(["s3"])))),
  timestamp: any,
  payload: any,
});
const text = fc.oneof(
  deadLetter.map((value) => JSON.stringify(value)),
  invocation.map((value) => JSON.stringify(value)),
  fc.json(),
);

test("any message can be read and listed", async () => {
  await fc.assert(
    fc.asyncProperty(text, async (body) => {
      for (const read of readers) {
        const found = read({ id: "m", body });
        if (typeof found === "object") await found.select();
      }
      const unsupported = unsupportedMessages();
      unsupported.add({ id: "m", body });
      expect(unsupported.lines()).toHaveLength(1);
      const envelope = decodeEnvelope(body);
      if (envelope === undefined) return;
      expect(deadLetterLines([rowOf(envelope)], true, 0)).toHaveLength(2);
      expect(groupLines([rowOf(envelope)], 0)).toHaveLength(2);
      expect(showLines(envelope, 1, true, 0).length).toBeGreaterThan(5);
    }),
    { numRuns: 1_000 },
  );
});
