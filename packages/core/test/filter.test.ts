import { describe, expect, test } from "@jest/globals";
import { streamEvent, streamRecord, tableHistory } from "@sluice/testing";
import { type LiveChange, pipeline, type UnknownItem } from "../src/index.ts";
import { decodeRecord, type StreamViewType } from "../src/sink-kit.ts";
import { type Asked, effectOn, told } from "./effects.ts";
import { type ScriptedSink, scriptedSink } from "./scripted-sink.ts";
import { keptLines } from "./stored-envelopes.ts";

const open = { pk: "a", sk: "1", state: "open", revision: 1 };
const closed = { pk: "a", sk: "1", state: "closed", revision: 2 };
const isOpen = (item: UnknownItem): boolean => item.state === "open";

/** The two ways of leaving: the predicate no longer holds, or the mapper answers nothing. */
const ways: readonly [string, Asked][] = [
  ["a predicate", { predicate: isOpen }],
  ["a mapper that answers nothing", { map: ({ after }) => (after && isOpen(after) ? after.revision : undefined) }],
];

describe.each(ways)("leaving by %s, with both images", (_way, asked) => {
  test.each([
    ["insert that matches", { after: open }, "write"],
    ["insert that does not match", { after: closed }, "none"],
    ["modify that still matches", { before: open, after: { ...open, revision: 3 } }, "write"],
    ["modify that enters", { before: closed, after: open }, "write"],
    ["modify that leaves", { before: open, after: closed }, "remove"],
    ["modify that never matched", { before: { ...closed, revision: 0 }, after: closed }, "none"],
    ["remove of one that matched", { before: open }, "remove"],
    ["remove of one that never matched", { before: closed }, "none"],
  ])("%s", (_name, images, expected) => {
    expect(told(effectOn(streamRecord(images), asked))).toBe(expected);
  });
});

describe.each(ways)("leaving by %s, without old images", (_way, asked) => {
  test.each([
    ["insert that matches", { after: open }, "write"],
    ["insert that does not match", { after: closed }, "none"],
    ["modify that matches", { before: closed, after: open }, "write"],
    ["modify that does not match: it may have had a copy", { before: closed, after: closed }, "remove"],
    ["remove: it may have had a copy", { before: closed }, "remove"],
  ])("%s", (_name, images, expected) => {
    expect(told(effectOn(streamRecord({ ...images, viewType: "NEW_IMAGE" }), asked))).toBe(expected);
  });
});

describe("an old image that the code of today cannot take", () => {
  const strict: Asked = {
    map: ({ after }) => {
      if (typeof after?.revision !== "number") throw new TypeError("no revision");
      return isOpen(after) ? after.revision : undefined;
    },
  };
  const strange = { pk: "a", sk: "1", state: "open" };

  test("may have been copied by that of yesterday: it leaves by a guarded remove", () => {
    expect(told(effectOn(streamRecord({ before: strange, after: closed }), strict))).toBe("remove");
    expect(told(effectOn(streamRecord({ before: strange }), strict))).toBe("remove");
  });

  test("does not stand in the way of a new one", () => {
    expect(told(effectOn(streamRecord({ before: strange, after: open }), strict))).toBe("write");
  });
});

describe("a sink that maps for itself", () => {
  const itself: Asked = { mapsItself: true, map: ({ record }) => record.dynamodb?.NewImage };

  test("writes and removes without a look at the old image", () => {
    expect(told(effectOn(streamRecord({ after: open }), itself))).toBe("write");
    expect(told(effectOn(streamRecord({ before: open }), itself))).toBe("remove");
  });

  test("is filtered as any other", () => {
    const filtered = { ...itself, predicate: isOpen };
    expect(told(effectOn(streamRecord({ before: closed }), filtered))).toBe("none");
    expect(told(effectOn(streamRecord({ before: open, after: closed }), filtered))).toBe("remove");
  });

  test.each<StreamViewType>(["KEYS_ONLY", "OLD_IMAGE"])("never writes nulls under %s", (viewType) => {
    expect(told(effectOn(streamRecord({ before: open, after: closed, viewType }), itself))).toBe("RECORD_INCOMPLETE");
  });
});

describe("view types", () => {
  const byKey: Asked = { map: ({ keys }) => keys.pk };

  test.each<[StreamViewType, string, string]>([
    ["NEW_AND_OLD_IMAGES", "write", "write"],
    ["NEW_IMAGE", "write", "write"],
    ["OLD_IMAGE", "RECORD_INCOMPLETE", "write"],
    ["KEYS_ONLY", "RECORD_INCOMPLETE", "write"],
  ])("%s serves what it can: a mapper of images %s, one of keys %s", (viewType, ofImages, ofKeys) => {
    const record = streamRecord({ before: open, after: closed, viewType });
    expect(told(effectOn(record))).toBe(ofImages);
    expect(told(effectOn(record, byKey))).toBe(ofKeys);
    expect(told(effectOn(record, { ...byKey, writes: "append" }))).toBe(ofKeys);
  });

  test.each<StreamViewType>(["NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE", "KEYS_ONLY"])(
    "a remove needs no image under %s",
    (viewType) => {
      const record = streamRecord({ before: open, viewType });
      expect(told(effectOn(record))).toBe("remove");
      expect(told(effectOn(record, { ...byKey, writes: "append" }))).toBe("write");
    },
  );
});

describe("an append route", () => {
  test("judges a remove by what was there, and any other change by what is", () => {
    const asked: Asked = { writes: "append", predicate: isOpen, map: ({ kind }) => kind };
    expect(told(effectOn(streamRecord({ before: open }), asked))).toBe("write");
    expect(told(effectOn(streamRecord({ before: closed }), asked))).toBe("none");
    expect(told(effectOn(streamRecord({ before: open, after: closed }), asked))).toBe("none");
    expect(told(effectOn(streamRecord({ before: closed, after: open }), asked))).toBe("write");
  });

  test("that must judge a remove without an old image rejects it rather than guess", () => {
    const asked: Asked = { writes: "append", predicate: isOpen, map: ({ kind }) => kind };
    expect(told(effectOn(streamRecord({ before: open, viewType: "NEW_IMAGE" }), asked))).toBe("RECORD_INCOMPLETE");
  });
});

const play = async (sink: ScriptedSink<"upsert">, cuts: readonly (readonly object[])[]) => {
  const handler = pipeline("p", { onReject: "block", logger: keptLines() })
    .when(isOpen)
    .to(sink, (change: LiveChange) => change.after)
    .handler();
  for (const batch of cuts) await handler(streamEvent(batch));
};

describe("through a pipeline", () => {
  const table = tableHistory();
  const records = [table.put(open), table.put(closed), table.put({ ...closed, revision: 3 })];
  const [entering, leaving, staying] = records as [object, object, object];

  test("reduction does not hide that an item left", async () => {
    const sink = scriptedSink({ writes: "upsert" });
    await play(sink, [[entering], [leaving, staying]]);
    expect(sink.held().size).toBe(0);
    expect(sink.calls[1]?.map(({ change }) => change.kind)).toEqual(["modify"]);
    expect(sink.calls[1]?.[0]?.message).toBeUndefined();
  });

  test("the target is the same however the stream was cut", async () => {
    for (const cuts of [[records], records.map((record) => [record]), [[entering, leaving], [staying]]]) {
      const sink = scriptedSink({ writes: "upsert" });
      await play(sink, cuts);
      expect(sink.held().size).toBe(0);
    }
  });

  test("an item that never matched costs no write", async () => {
    const sink = scriptedSink({ writes: "upsert" });
    const other = tableHistory();
    const never = [other.put(closed), other.put({ ...closed, revision: 9 }), other.remove({ pk: "a", sk: "1" })];
    await play(sink, [never]);
    await play(
      sink,
      never.map((record) => [record]),
    );
    expect(sink.calls).toEqual([]);
  });

  test("a filter holds for the routes behind it, up to the next one", async () => {
    const [all, opened, shut] = ["all", "opened", "shut"].map((name) => scriptedSink({ writes: "append", name })) as [
      ScriptedSink<"append">,
      ScriptedSink<"append">,
      ScriptedSink<"append">,
    ];
    const also = scriptedSink({ writes: "append", name: "also" });
    const handler = pipeline("p", { onReject: "block", logger: keptLines() })
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

  test("when() leaves the pipeline that it was called on as it was", async () => {
    const sink = scriptedSink({ writes: "append" });
    const base = pipeline("p", { onReject: "block", logger: keptLines() });
    base.when(() => false).to(scriptedSink({ writes: "append" }), () => 1, { dedupe: "none" });
    expect(base.routes).toEqual([]);
    await base.to(sink, () => 1, { dedupe: "none" }).handler()(streamEvent(records));
    expect(sink.taken).toHaveLength(3);
  });
});
