// A table that our DynamoDB sink writes: its tombstones are items that do not exist, and its guards are not data.

import { describe, expect, test } from "@jest/globals";
import {
  lambdaContext,
  memoryAppendSink,
  memoryUpsertSink,
  type PlainItem,
  streamEvent,
  streamRecord,
} from "@sluice/testing";
import type { StreamRecord, StreamViewType } from "../src/envelope.ts";
import { pipeline } from "../src/index.ts";
import { visibleRecord } from "../src/record/tombstone.ts";
import { decodeRecord } from "../src/sink-kit.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { recordingLogger } from "./recording-logger.ts";

const version = "20260101000000000-0000000000000000000100000000000000000042";
const keys = { pk: "a", sk: "1" };
const live = (total: number): PlainItem => ({ ...keys, total, expires: 7, _sluice: { v: version } });
const tombstone = (more: PlainItem = {}): PlainItem => ({
  ...keys,
  _sluice: { v: version, removed: true, ...more },
  _sluice_expires: 1_800_000_000,
});

type Images = Parameters<typeof streamRecord>[0];

/** Returns the kind of the change without tombstones, and its images; or `unchanged`. */
const seen = (images: Images, attribute = "_sluice") => {
  const { record, isUnchanged } = visibleRecord(streamRecord(images), attribute);
  if (isUnchanged) return "unchanged";
  const change = decodeRecord(record);
  const { NewImage: after, OldImage: before } = change.record.dynamodb ?? {};
  return { kind: change.kind, before: before && decodeTotal(before), after: after && decodeTotal(after) };
};
const decodeTotal = (image: NonNullable<NonNullable<StreamRecord["dynamodb"]>["NewImage"]>): unknown => {
  expect(Object.keys(image)).toEqual(["pk", "sk", "total", "expires"]);
  return Number((image.total as { readonly N: string }).N);
};

describe("a record of a replica", () => {
  const viewType: StreamViewType = "NEW_IMAGE";

  test.each<[string, Images, ReturnType<typeof seen>]>([
    ["nothing to live is an insert", { after: live(1) }, { kind: "insert", before: undefined, after: 1 }],
    ["nothing to tombstone is no change", { after: tombstone() }, "unchanged"],
    ["live to live is a modification", { before: live(1), after: live(2) }, { kind: "modify", before: 1, after: 2 }],
    [
      "live to tombstone is a removal",
      { before: live(1), after: tombstone() },
      { kind: "remove", before: 1, after: undefined },
    ],
    ["live to nothing is a removal", { before: live(1) }, { kind: "remove", before: 1, after: undefined }],
    [
      "tombstone to live is an insert",
      { before: tombstone(), after: live(2) },
      { kind: "insert", before: undefined, after: 2 },
    ],
    ["tombstone to tombstone is no change", { before: tombstone(), after: tombstone({ left: {} }) }, "unchanged"],
    ["the end of a tombstone is no change", { before: tombstone(), isTtlRemoval: true }, "unchanged"],
    [
      "NEW_IMAGE: a tombstone is a removal",
      { before: live(1), after: tombstone(), viewType },
      { kind: "remove", before: undefined, after: undefined },
    ],
    [
      "NEW_IMAGE: live is a modification",
      { before: tombstone(), after: live(2), viewType },
      { kind: "modify", before: undefined, after: 2 },
    ],
    [
      "NEW_IMAGE: the end of a tombstone is a removal",
      { before: tombstone(), viewType },
      { kind: "remove", before: undefined, after: undefined },
    ],
    ["NEW_IMAGE: a new tombstone is no change", { after: tombstone(), viewType }, "unchanged"],
    ["OLD_IMAGE: the end of a tombstone is no change", { before: tombstone(), viewType: "OLD_IMAGE" }, "unchanged"],
  ])("%s", (_, images, expected) => {
    expect(seen(images)).toEqual(expected);
  });

  test("uses the guard attribute that the source names", () => {
    const { _sluice, ...rest } = tombstone();
    expect(seen({ before: { ...rest, guard: _sluice } }, "guard")).toBe("unchanged");
  });

  test.each<[string, PlainItem]>([
    ["a text", { ...keys, _sluice: "removed" }],
    ["a map without a version", { ...keys, _sluice: { removed: true } }],
    ["a map whose version is a number", { ...keys, _sluice: { v: 1, removed: true } }],
  ])("is as it was if the attribute is %s, which is data of the user", (_, after) => {
    const record = streamRecord({ after });
    expect(visibleRecord(record, "_sluice").record.dynamodb?.NewImage).toEqual(record.dynamodb?.NewImage);
    expect(visibleRecord(record, "_sluice").record.eventName).toBe("INSERT");
  });

  test("is the same object if it has no guard", () => {
    const record = streamRecord({ after: { ...keys, total: 1 } });
    expect(visibleRecord(record, "_sluice").record).toBe(record);
  });

  test.each([undefined, "FOO"])("stays malformed if its event name is %s", (eventName) => {
    const record = { ...streamRecord({ before: live(1), after: tombstone() }), eventName } as StreamRecord;
    expect(visibleRecord(record, "_sluice").record).toBe(record);
  });
});

describe("a pipeline that reads a replica", () => {
  const play = async (records: readonly StreamRecord[]) => {
    const [copy, log] = [memoryUpsertSink({ name: "copy" }), memoryAppendSink({ name: "log" })];
    const logger = recordingLogger();
    const deadLetterQueue = memoryDeadLetterQueue();
    const handler = pipeline("p", { deadLetterQueue, logger })
      .to(copy, ({ after }) => after.total)
      .to(
        log,
        ({ kind, before, after }) => (after?.total === 13 ? JSON.parse("{") : [kind, before?.total, after?.total]),
        { dedupe: "none" },
      )
      .handler();
    await handler(streamEvent(records), lambdaContext());
    return { copy, log, deadLetterQueue, routes: logger.lines.at(-1)?.fields.routes };
  };

  test("sends what happened to the item, and filters what happened to the tombstone", async () => {
    const { copy, log, routes } = await play([
      streamRecord({ position: 1, after: live(1) }),
      streamRecord({ position: 2, before: live(1), after: tombstone() }),
      streamRecord({ position: 3, before: tombstone(), after: live(3) }),
      streamRecord({ position: 4, before: live(3), after: tombstone() }),
      streamRecord({ position: 5, before: tombstone(), after: tombstone({ left: {} }) }),
      streamRecord({ position: 6, before: tombstone(), isTtlRemoval: true }),
    ]);
    expect([...copy.items()]).toEqual([]);
    expect(routes).toMatchObject({
      copy: { received: 6, filtered: 2 },
      log: { received: 6, filtered: 2, delivered: 4 },
    });
    expect(log.sent().map(({ message }) => message)).toEqual([
      ["insert", undefined, 1],
      ["remove", 1, undefined],
      ["insert", undefined, 3],
      ["remove", 3, undefined],
    ]);
  });

  test("dead-letters a record as Lambda delivered it", async () => {
    const record = streamRecord({ before: tombstone(), after: live(13) });
    const { deadLetterQueue } = await play([record]);
    expect(deadLetterQueue.envelopes.map((envelope) => envelope.record)).toEqual([record]);
  });
});
