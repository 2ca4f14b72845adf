import { describe, expect, test } from "@jest/globals";
import { streamEvent, streamRecord, tableHistory } from "@sluice/testing";
import { type LiveChange, pipeline, type RouteOptions, type UnknownItem } from "../src/index.ts";
import { decodeRecord, type StreamViewType, type UpsertDelivery } from "../src/sink-kit.ts";
import { effectName, effectOn, type RouteParts } from "./effects.ts";
import { recordingLogger } from "./recording-logger.ts";
import { type ScriptedSink, scriptedSink } from "./scripted-sink.ts";

const open = { pk: "a", sk: "1", state: "open", revision: 1 };
const closed = { pk: "a", sk: "1", state: "closed", revision: 2 };
const isOpen = (item: UnknownItem): boolean => item.state === "open";

/** An item leaves a route in two ways: the predicate no longer matches, or the mapper returns undefined. */
const ways: readonly [string, RouteParts][] = [
  ["a predicate", { predicate: isOpen }],
  ["a mapper that returns undefined", { map: ({ after }) => (after && isOpen(after) ? after.revision : undefined) }],
];

describe.each(ways)("leaving by %s, with both images", (_way, parts) => {
  test.each([
    ["insert that matches", { after: open }, "write"],
    ["insert that does not match", { after: closed }, "none"],
    ["modify that still matches", { before: open, after: { ...open, revision: 3 } }, "write"],
    ["modify that enters", { before: closed, after: open }, "write"],
    ["modify that leaves", { before: open, after: closed }, "remove"],
    ["modify that never matched", { before: { ...closed, revision: 0 }, after: closed }, "none"],
    ["remove of an item that matched", { before: open }, "remove"],
    ["remove of an item that does not match, as a precaution", { before: closed }, "precaution"],
  ])("%s", (_name, images, expected) => {
    expect(effectName(effectOn(streamRecord(images), parts))).toBe(expected);
  });
});

describe.each(ways)("leaving by %s, without old images", (_way, parts) => {
  test.each([
    ["insert that matches", { after: open }, "write"],
    ["insert that does not match", { after: closed }, "none"],
    ["modify that matches", { before: closed, after: open }, "write"],
    ["modify that does not match, because the target may hold a copy", { before: closed, after: closed }, "remove"],
    ["remove, because the target may hold a copy", { before: closed }, "remove"],
  ])("%s", (_name, images, expected) => {
    expect(effectName(effectOn(streamRecord({ ...images, viewType: "NEW_IMAGE" }), parts))).toBe(expected);
  });
});

describe("an old image that the current mapper refuses", () => {
  const strict: RouteParts = {
    map: ({ after }) => {
      if (typeof after?.revision !== "number") throw new TypeError("no revision");
      return isOpen(after) ? after.revision : undefined;
    },
  };
  const refused = { pk: "a", sk: "1", state: "open" };

  test("causes a guarded remove, because an earlier version of the mapper may have copied it", () => {
    expect(effectName(effectOn(streamRecord({ before: refused, after: closed }), strict))).toBe("remove");
    expect(effectName(effectOn(streamRecord({ before: refused }), strict))).toBe("remove");
  });

  test("does not block the new image", () => {
    expect(effectName(effectOn(streamRecord({ before: refused, after: open }), strict))).toBe("write");
  });
});

describe("a sink with its own mapper", () => {
  const ownMapper: RouteParts = { mapsItself: true, map: ({ record }) => record.dynamodb?.NewImage };

  test("writes and removes without reading the old image", () => {
    expect(effectName(effectOn(streamRecord({ after: open }), ownMapper))).toBe("write");
    expect(effectName(effectOn(streamRecord({ before: open }), ownMapper))).toBe("remove");
  });

  test("is filtered like any other sink", () => {
    const filtered = { ...ownMapper, predicate: isOpen };
    expect(effectName(effectOn(streamRecord({ before: closed }), filtered))).toBe("precaution");
    expect(effectName(effectOn(streamRecord({ before: open, after: closed }), filtered))).toBe("remove");
  });

  test.each<StreamViewType>(["KEYS_ONLY", "OLD_IMAGE"])("never writes nulls under %s", (viewType) => {
    expect(effectName(effectOn(streamRecord({ before: open, after: closed, viewType }), ownMapper))).toBe(
      "RECORD_INCOMPLETE",
    );
  });
});

describe("a predicate or mapper that returns a thenable", () => {
  // biome-ignore lint/suspicious/noThenProperty: the test needs a thenable.
  const later = { then: () => undefined } as never;

  test.each<[string, RouteParts]>([
    ["predicate", { predicate: () => later }],
    ["mapper", { map: () => later }],
  ])("is rejected like one that returns a promise: %s", (_what, parts) => {
    expect(effectName(effectOn(streamRecord({ after: open }), parts))).toBe("MAPPING_FAILED");
  });
});

describe("view types", () => {
  const byKey: RouteParts = { map: ({ keys }) => keys.pk };

  test.each<[StreamViewType, string, string]>([
    ["NEW_AND_OLD_IMAGES", "write", "write"],
    ["NEW_IMAGE", "write", "write"],
    ["OLD_IMAGE", "RECORD_INCOMPLETE", "write"],
    ["KEYS_ONLY", "RECORD_INCOMPLETE", "write"],
  ])("under %s a mapper of images has effect %s, a mapper of keys %s", (viewType, ofImages, ofKeys) => {
    const record = streamRecord({ before: open, after: closed, viewType });
    expect(effectName(effectOn(record))).toBe(ofImages);
    expect(effectName(effectOn(record, byKey))).toBe(ofKeys);
    expect(effectName(effectOn(record, { ...byKey, writes: "append" }))).toBe(ofKeys);
  });

  test.each<StreamViewType>(["NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE", "KEYS_ONLY"])(
    "a remove needs no image under %s",
    (viewType) => {
      const record = streamRecord({ before: open, viewType });
      expect(effectName(effectOn(record))).toBe("remove");
      expect(effectName(effectOn(record, { ...byKey, writes: "append" }))).toBe("write");
    },
  );
});

describe("an append route", () => {
  test("filters a remove by its old image, and any other change by its new image", () => {
    const parts: RouteParts = { writes: "append", predicate: isOpen, map: ({ kind }) => kind };
    expect(effectName(effectOn(streamRecord({ before: open }), parts))).toBe("write");
    expect(effectName(effectOn(streamRecord({ before: closed }), parts))).toBe("none");
    expect(effectName(effectOn(streamRecord({ before: open, after: closed }), parts))).toBe("none");
    expect(effectName(effectOn(streamRecord({ before: closed, after: open }), parts))).toBe("write");
  });

  test("rejects a remove without an old image if it has a predicate", () => {
    const parts: RouteParts = { writes: "append", predicate: isOpen, map: ({ kind }) => kind };
    expect(effectName(effectOn(streamRecord({ before: open, viewType: "NEW_IMAGE" }), parts))).toBe(
      "RECORD_INCOMPLETE",
    );
  });
});

const play = async (
  sink: ScriptedSink<"upsert">,
  cuts: readonly (readonly object[])[],
  options: RouteOptions = {},
): Promise<void> => {
  const handler = pipeline("p", { onReject: "block", logger: recordingLogger() })
    .when(isOpen)
    .to(sink, (change: LiveChange) => change.after, options)
    .handler();
  for (const batch of cuts) await handler(streamEvent(batch));
};

describe("through a pipeline", () => {
  const table = tableHistory();
  const records = [table.put(open), table.put(closed), table.put({ ...closed, revision: 3 })];
  const [entering, leaving, staying] = records as [object, object, object];

  test("an item is removed if it left the filter, although only its last change is written", async () => {
    const sink = scriptedSink({ writes: "upsert" });
    await play(sink, [[entering], [leaving, staying]]);
    expect(sink.held().size).toBe(0);
    expect(sink.calls[1]?.map(({ change }) => change.kind)).toEqual(["modify"]);
    expect(sink.calls[1]?.[0]?.message).toBeUndefined();
  });

  test("the target is the same for every division into batches", async () => {
    for (const cuts of [[records], records.map((record) => [record]), [[entering, leaving], [staying]]]) {
      const sink = scriptedSink({ writes: "upsert" });
      await play(sink, cuts);
      expect(sink.held().size).toBe(0);
    }
  });

  test("an item that never matched causes no write, except its removal, which must reach a copy of another time", async () => {
    const other = tableHistory();
    const never = [other.put(closed), other.put({ ...closed, revision: 9 }), other.remove({ pk: "a", sk: "1" })];
    const oneByOne = never.map((record) => [record]);
    // The tombstone also replaces the earlier changes of a batch.
    for (const [cuts, tombstones, onlyIfPresent] of [
      [[never], "always", undefined],
      [oneByOne, "always", undefined],
      [[never], "if-present", undefined],
      [oneByOne, "if-present", true],
    ] as const) {
      const sink = scriptedSink({ writes: "upsert" });
      await play(sink, cuts, { tombstones });
      const deliveries = sink.calls.flat() as UpsertDelivery<unknown>[];
      expect(deliveries).toMatchObject([{ change: { kind: "remove" }, message: undefined, isPrecaution: true }]);
      expect(deliveries[0]?.onlyIfPresent).toBe(onlyIfPresent);
    }
  });

  test("a filter applies to the routes behind it, up to the next filter", async () => {
    const [all, opened, shut] = ["all", "opened", "shut"].map((name) => scriptedSink({ writes: "append", name })) as [
      ScriptedSink<"append">,
      ScriptedSink<"append">,
      ScriptedSink<"append">,
    ];
    const also = scriptedSink({ writes: "append", name: "also" });
    const handler = pipeline("p", { onReject: "block", logger: recordingLogger() })
      .to(all, ({ eventId }) => eventId, { dedupe: "none" })
      .when(isOpen)
      .to(opened, ({ eventId }) => eventId, { dedupe: "none" })
      .to(also, ({ eventId }) => eventId, { dedupe: "none" })
      .when((item) => !isOpen(item))
      .to(shut, ({ eventId }) => eventId, { dedupe: "none" })
      .handler();
    await handler(streamEvent(records));
    const sent = (sink: ScriptedSink<"append">) => sink.taken.map(({ message }) => message);
    const ids = records.map((record) => decodeRecord(record).eventId);
    expect(sent(all)).toEqual(ids);
    expect(sent(opened)).toEqual(ids.slice(0, 1));
    expect(sent(also)).toEqual(ids.slice(0, 1));
    expect(sent(shut)).toEqual(ids.slice(1));
  });

  test("when() does not change the pipeline that it is called on", async () => {
    const sink = scriptedSink({ writes: "append" });
    const base = pipeline("p", { onReject: "block", logger: recordingLogger() });
    base.when(() => false).to(scriptedSink({ writes: "append" }), () => 1, { dedupe: "none" });
    expect(base.routes).toEqual([]);
    await base.to(sink, () => 1, { dedupe: "none" }).handler()(streamEvent(records));
    expect(sink.taken).toHaveLength(3);
  });
});
