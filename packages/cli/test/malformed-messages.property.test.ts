// Whatever stands in a message, a command that looks at it tells something of it, and goes on.

import { expect, test } from "@jest/globals";
import { decodeEnvelope } from "@sluice/core/envelope";
import fc from "fast-check";
import { groupLines, letterLines, rowOf } from "../src/dead-letters/list.ts";
import { showLines } from "../src/dead-letters/show.ts";
import { keyMatch } from "../src/filter/item-key.ts";
import { newOtherKinds } from "../src/message-source/unsupported-messages.ts";
import { letterReader, onFailureDestinationReader } from "../src/redrive/read-message.ts";
import { letterOf } from "./support/dead-letters.ts";

const claims = { fetch: async () => undefined, remove: async () => undefined, close: async () => undefined };
const readers = [
  letterReader({ keys: [keyMatch('{"pk":"a"}')] }, claims),
  letterReader({}, claims),
  onFailureDestinationReader(0),
];

const any = fc.jsonValue();
const object = (members: readonly string[]) =>
  fc.record(Object.fromEntries(members.map((name) => [name, any])), { requiredKeys: [] });
const image = fc.oneof(any, fc.dictionary(fc.string(), any));
const dynamodb = fc.oneof(any, fc.record({ Keys: image, NewImage: image, OldImage: image, SequenceNumber: any }));
const record = fc.oneof(any, fc.record({ dynamodb, eventName: any, eventSourceARN: fc.oneof(any, fc.string()) }));
const letter = record.map((record) => ({ ...letterOf("a"), record }));
const invocation = fc.record({
  DDBStreamBatchInfo: fc.oneof(any, object(["streamArn", "shardId", "startSequenceNumber"])),
  Records: fc.oneof(any, fc.array(fc.oneof(any, object(["s3"])))),
  timestamp: any,
  payload: any,
});
const text = fc.oneof(
  letter.map((value) => JSON.stringify(value)),
  invocation.map((value) => JSON.stringify(value)),
  fc.json(),
);

test("no message makes a reader or a listing throw", async () => {
  await fc.assert(
    fc.asyncProperty(text, async (text) => {
      for (const read of readers) await read({ id: "m", text });
      const others = newOtherKinds();
      others.add({ id: "m", text });
      expect(others.lines()).toHaveLength(1);
      const envelope = decodeEnvelope(text);
      if (envelope === undefined) return;
      expect(letterLines([rowOf(envelope)], true, 0)).toHaveLength(2);
      expect(groupLines([rowOf(envelope)], 0)).toHaveLength(2);
      expect(showLines(envelope, 1, true, 0).length).toBeGreaterThan(5);
    }),
    { numRuns: 1_000 },
  );
});
