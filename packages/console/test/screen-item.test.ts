import { describe, expect, test } from "@jest/globals";
import type { HeldSight, ItemTrace, RouteState } from "@sluice/inspect";
import fc from "fast-check";
import type { ChangeRow } from "../src/api/changes.ts";
import { fieldProblem, fieldsOf, isSameKey, keyOf, keysIn } from "../src/page/screens/item-key.ts";
import { type Mark, marksOf, neighbourOf, timelineOf } from "../src/page/screens/item-marks.ts";
import {
  asSentence,
  comparedText,
  heldNotes,
  queueText,
  summaryText,
  versionText,
} from "../src/page/screens/item-text.ts";

describe("the key", () => {
  test("goes from the address into fields and back", () => {
    const keys = keysIn('{"tenant":{"S":"a b"},"number":{"N":"17"}}');
    const fields = fieldsOf(["tenant", "number"], {}, keys);
    expect(fields).toEqual([
      { name: "tenant", type: "S", text: "a b" },
      { name: "number", type: "N", text: "17" },
    ]);
    expect(keyOf(fields)).toEqual(keys);
  });

  test.each(["", "{}", "[]", "1", '{"id":"x"}', '{"id":{"S":1}}', '{"id":{"SS":["x"]}}', '{"id":{"S":"x","N":"1"}}'])(
    "is not read from %j",
    (text) => expect(keysIn(text)).toBeUndefined(),
  );

  test("has the table's types where the address has none", () => {
    expect(fieldsOf(["id", "other"], { id: "N" }, undefined)).toEqual([
      { name: "id", type: "N", text: "" },
      { name: "other", type: "S", text: "" },
    ]);
  });

  test.each([
    [{ name: "id", type: "S", text: "" }, "id is empty; expected its value"],
    [{ name: "id", type: "N", text: "1x" }, "id is not a number; expected one, such as 17"],
    [{ name: "id", type: "B", text: "a" }, "id is not base64; expected base64 text"],
    [{ name: "id", type: "N", text: " -1.5e3 " }, undefined],
    [{ name: "id", type: "B", text: "AAE=" }, undefined],
    [{ name: "id", type: "S", text: " " }, undefined],
  ] as const)("%j: %s", (field, problem) => expect(fieldProblem(field)).toBe(problem));

  test("is the same in any order of its attributes", () => {
    expect(isSameKey({ a: { S: "1" }, b: { N: "2" } }, { b: { N: "2" }, a: { S: "1" } })).toBe(true);
    expect(isSameKey({ a: { S: "1" } }, { a: { N: "1" } })).toBe(false);
    expect(isSameKey(undefined, undefined)).toBe(false);
  });
});

const held = (change: Partial<HeldSight>): HeldSight => ({
  state: "live",
  version: "1",
  compared: "equal",
  difference: undefined,
  members: [],
  code: undefined,
  exists: true,
  isSteady: true,
  isAhead: false,
  ...change,
});

describe("words", () => {
  const conclusions = (...states: readonly RouteState[]) =>
    states.map((state, index) => ({ routes: [`r${index}`], state, sentence: "", isComparable: true }));

  test.each([
    [[], "The pipeline has no targets."],
    [["up to date"], "The target is up to date."],
    [["up to date", "up to date"], "All 2 targets are up to date."],
    [["rejected"], "1 target: 1 rejected."],
    [["up to date", "unknown", "rejected", "up to date"], "4 targets: 1 rejected, 1 unknown, 2 up to date."],
  ] as const)("%j: %s", (states, text) => expect(summaryText(conclusions(...states))).toBe(text));

  test("says how a copy compares", () => {
    expect(comparedText(held({}))).toBe("as it should be");
    expect(comparedText(held({ compared: "different", difference: "ghost" }))).toBe(
      "a copy of an item that does not exist",
    );
    expect(comparedText(held({ compared: "rejected", code: "MAPPING_FAILED" }))).toBe(
      "unknown: the pipeline rejects the item with MAPPING_FAILED",
    );
    expect(heldNotes(held({ isAhead: true, isSteady: false }))).toHaveLength(2);
  });

  test("says which change a version is of", () => {
    const version = (number: string, epoch = "1".repeat(17)): string => `${epoch}-${number.padStart(40, "0")}`;
    const change = { eventId: "e", kind: "modify", at: "2026-01-02T03:04:05.000Z", isTtlRemoval: false } as const;
    const changes = [{ ...change, version: version("7") }];
    expect(versionText(version("7"), changes)).toBe("of the modify of 2026-01-02T03:04:05Z");
    expect(versionText(version("8"), changes)).toBe("of a change that the stream does not show");
    expect(versionText(version("8", "0".repeat(17)), changes)).toBe("of an earlier stream");
    expect(versionText(`${version("0")}.${String(Date.UTC(2026, 0, 2) * 1_000).padStart(16, "0")}`, changes)).toBe(
      "of a backfill of 2026-01-02T00:00:00Z",
    );
    expect(versionText("", changes)).toBe("none");
    expect(versionText("v3", changes)).toBe("of another program");
  });

  test("says what a queue hides", () => {
    const sight = { deliveries: [], others: 2, batches: 0, unsupported: 1, unread: 0, hidden: 3, notReleased: 0 };
    expect(queueText(sight)).toBe(
      "0 deliveries of the item, 2 other deliveries, 1 unsupported message, 3 hidden messages",
    );
  });

  test("makes sentences", () => {
    expect(asSentence("behind since noon")).toBe("Behind since noon.");
    expect(asSentence("The copy is equal.")).toBe("The copy is equal.");
  });
});

const trace = (change: Partial<ItemTrace>): ItemTrace => {
  const unanswered = { unanswered: { action: "x", reason: "y" } };
  return {
    pipeline: "orders",
    table: "orders",
    keys: {},
    at: "2026-01-01T00:00:00.000Z",
    item: unanswered,
    stream: unanswered,
    targets: [],
    queues: [],
    logs: unanswered,
    conclusions: [],
    ...change,
  };
};

const row = (change: Partial<ChangeRow>): ChangeRow => ({
  seq: 1,
  at: 1_000,
  pipeline: "orders",
  route: "search",
  origin: "stream",
  eventId: "e1",
  keys: undefined,
  kind: "insert",
  version: "1",
  outcome: "delivered",
  attempts: 1,
  ageMs: 400,
  ...change,
});

describe("marksOf", () => {
  const stream = (eventId: string, at: string): ItemTrace["stream"] => ({
    value: {
      changes: [{ eventId, kind: "insert", at, version: "1", isTtlRemoval: false }],
      isComplete: true,
      stopped: undefined,
      shards: 1,
      shardsRead: 1,
      records: 1,
    },
  });
  const briefly = (marks: readonly Mark[]) => marks.map(({ route, what, at, source }) => [route, what, at, source]);

  test("takes the table's changes from the stream", () => {
    const marks = marksOf(trace({ stream: stream("e1", "1970-01-01T00:00:00.500Z") }), [row({})]);
    expect(briefly(marks)).toEqual([
      [undefined, "insert", 500, "stream"],
      ["search", "delivered", 1_000, "console"],
    ]);
  });

  test("takes them from the deliveries' ages without a stream, each once, and none of a redrive", () => {
    const rows = [
      row({}),
      row({ seq: 2, route: "billing", at: 1_500 }),
      row({ seq: 3, origin: "redrive", eventId: "e2" }),
    ];
    expect(briefly(marksOf(trace({}), rows)).filter(([route]) => route === undefined)).toEqual([
      [undefined, "insert", 600, "console"],
    ]);
  });

  test("shows a delivery of the log or of a queue only if the console saw no delivery of the change", () => {
    const logs: ItemTrace["logs"] = {
      value: {
        group: "g",
        otherLines: 0,
        since: "",
        isComplete: true,
        deliveries: [
          { at: "1970-01-01T00:00:02Z", eventId: "e1", route: "search", outcome: "rejected", code: "X", attempts: 1 },
          { at: "1970-01-01T00:00:03Z", eventId: "e1", route: "billing", outcome: "rejected", code: "X", attempts: 1 },
        ],
      },
    };
    const delivery = {
      id: "d",
      code: "X",
      attempts: 2,
      firstFailedAt: "1970-01-01T00:00:04Z",
      eventId: "e1",
      version: "1",
    };
    const sight = { others: 0, batches: 0, unsupported: 0, unread: 0, hidden: 0, notReleased: 0 };
    const queues: ItemTrace["queues"] = [
      {
        kind: "dead letters",
        name: "q",
        queueUrl: "u",
        sight: {
          value: { ...sight, deliveries: ["search", "billing", "mail"].map((route) => ({ ...delivery, route })) },
        },
      },
    ];
    const marks = marksOf(trace({ logs, queues }), [row({})]).filter(({ route }) => route !== undefined);
    expect(briefly(marks)).toEqual([
      ["search", "delivered", 1_000, "console"],
      ["billing", "rejected", 3_000, "log"],
      ["mail", "rejected", 4_000, "queue"],
    ]);
  });
});

describe("timelineOf", () => {
  const routes = ["search", "billing"];
  const rows = fc.array(
    fc.record({ at: fc.nat(100_000_000), route: fc.constantFrom("search", "billing", "old"), eventId: fc.nat(20) }),
    { maxLength: 300 },
  );

  test("keeps the order of time, and the marks of a track apart", () => {
    const seed = Date.now() % 2 ** 31;
    fc.assert(
      fc.property(rows, (all) => {
        const marks = marksOf(
          trace({}),
          all.map((one, seq) => row({ ...one, seq, eventId: `e${one.eventId}`, origin: "redrive" })),
        );
        const { tracks, ticks, width, older } = timelineOf(marks, routes);
        const placed = tracks.flatMap((track) => track.marks).sort((one, other) => one.mark.at - other.mark.at);
        expect(placed.length + older).toBe(marks.length);
        const byX = [...placed].sort((one, other) => one.x - other.x);
        expect(byX.map(({ mark }) => mark.at)).toEqual(placed.map(({ mark }) => mark.at));
        for (const track of tracks) {
          for (const [index, { x }] of track.marks.entries()) {
            expect(x - (track.marks[index - 1]?.x ?? -100)).toBeGreaterThanOrEqual(30);
            expect(x).toBeLessThan(width);
          }
        }
        for (const [index, { x }] of ticks.entries())
          expect(x - (ticks[index - 1]?.x ?? -100)).toBeGreaterThanOrEqual(76);
      }),
      { seed },
    );
  });

  test("has a track for the table, for each route, and for a route that the pipeline no longer has", () => {
    const marks = marksOf(trace({}), [row({ route: "old" })]);
    expect(timelineOf(marks, routes).tracks.map(({ route }) => route)).toEqual([undefined, "search", "billing", "old"]);
  });

  test("shows the newest marks of many", () => {
    const marks = marksOf(
      trace({}),
      Array.from({ length: 30 }, (_, seq) => row({ seq, at: seq * 1_000, origin: "redrive" })),
    );
    const timeline = timelineOf(marks, routes, 10);
    expect(timeline.older).toBe(20);
    expect(timeline.tracks[1]?.marks.at(-1)?.mark.at).toBe(29_000);
  });

  test("leads from mark to mark by the arrow keys", () => {
    const marks = marksOf(trace({}), [
      row({ seq: 1, at: 1_000, origin: "redrive" }),
      row({ seq: 2, at: 9_000, origin: "redrive" }),
      row({ seq: 3, at: 8_900, route: "billing", origin: "redrive" }),
    ]);
    const timeline = timelineOf(marks, ["search", "empty", "billing"]);
    const go = (id: string, key: string) => neighbourOf(timeline, id, key)?.id;
    expect(go("row-1", "ArrowRight")).toBe("row-2");
    expect(go("row-1", "ArrowLeft")).toBeUndefined();
    expect(go("row-1", "End")).toBe("row-2");
    expect(go("row-2", "Home")).toBe("row-1");
    expect(go("row-1", "ArrowDown")).toBe("row-3");
    expect(go("row-3", "ArrowUp")).toBe("row-2");
    expect(go("row-3", "ArrowDown")).toBeUndefined();
    expect(go("row-3", "x")).toBeUndefined();
  });
});
