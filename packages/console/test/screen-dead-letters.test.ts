import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { DeadLetterRow } from "../src/api/dead-letters.ts";
import { editorText, readEdited } from "../src/page/screens/dead-letter-edit.ts";
import {
  byRouteText,
  choicesOf,
  confirmsDrop,
  entriesOf,
  filterLetters,
  groupLetters,
  isGone,
  rangeOf,
  selectedOf,
  withSelected,
} from "../src/page/screens/dead-letter-groups.ts";

const letter = (id: string, change: Partial<DeadLetterRow> = {}): DeadLetterRow => ({
  queueUrl: "q",
  id,
  pipeline: "orders",
  route: "search",
  code: "SINK_REJECTED",
  reason: "null value",
  attempts: 1,
  firstFailedAt: "2026-01-01T00:00:00.000Z",
  keys: { id: { S: `order-${id}` } },
  eventId: `event-${id}`,
  isStored: false,
  ...change,
});

describe("groups", () => {
  test("have one route, code and reason; the largest comes first", () => {
    const rows = [
      letter("1", { code: "MAPPING_FAILED" }),
      letter("2", { firstFailedAt: "2026-01-02T00:00:00.000Z" }),
      letter("3"),
      letter("4", { route: "billing" }),
      letter("5", { reason: "too long" }),
    ];
    const groups = groupLetters(rows);
    expect(groups.map((group) => group.rows.map(({ id }) => id))[0]).toEqual(["2", "3"]);
    expect(groups).toHaveLength(4);
    expect(groups[0]?.oldestAt).toBe("2026-01-01T00:00:00.000Z");
  });

  test("lose no row and show none twice, and hide the rows of closed groups", () => {
    const seed = Date.now() % 2 ** 31;
    const rows = fc.uniqueArray(
      fc.record({ id: fc.uuid(), route: fc.constantFrom("a", "b"), code: fc.constantFrom("X", "Y") }),
      { selector: ({ id }) => id },
    );
    fc.assert(
      fc.property(rows, (all) => {
        const groups = groupLetters(all.map(({ id, ...change }) => letter(id, change)));
        const entries = entriesOf(groups, new Set());
        const shown = entries.flatMap((entry) => (entry.type === "row" ? [entry.row.id] : []));
        expect(shown.sort()).toEqual(all.map(({ id }) => id).sort());
        const closed = entriesOf(groups, new Set(groups.map(({ id }) => id)));
        expect(closed).toHaveLength(groups.length);
      }),
      { seed },
    );
  });
});

describe("filters", () => {
  const rows = [
    letter("1"),
    letter("2", { route: "billing", reason: "Too Long" }),
    letter("3", { keys: undefined, code: "RECORD_LOST", eventId: undefined }),
  ];
  const found = (filter: Parameters<typeof filterLetters>[1], searchesKeys = true) =>
    filterLetters(rows, filter, searchesKeys).map(({ id }) => id);

  test("select by route, code and text", () => {
    expect(found({})).toEqual(["1", "2", "3"]);
    expect(found({ route: "billing" })).toEqual(["2"]);
    expect(found({ code: "RECORD_LOST" })).toEqual(["3"]);
    expect(found({ text: " too long " })).toEqual(["2"]);
    expect(found({ text: "EVENT-1" })).toEqual(["1"]);
    expect(found({ route: "search", text: "null" })).toEqual(["1", "3"]);
  });

  test("search hidden keys not at all", () => {
    expect(found({ text: "order-1" })).toEqual(["1"]);
    expect(found({ text: "order-1" }, false)).toEqual([]);
  });

  test("offer what there is", () => {
    expect(choicesOf(rows, "route")).toEqual(["billing", "search"]);
  });
});

describe("the selection", () => {
  test("is none, some or all", () => {
    expect(selectedOf(["1", "2"], new Set())).toBe("none");
    expect(selectedOf(["1", "2"], new Set(["2", "9"]))).toBe("some");
    expect(selectedOf(["1", "2"], new Set(["1", "2"]))).toBe("all");
    expect(selectedOf([], new Set(["1"]))).toBe("none");
  });

  test("grows and shrinks", () => {
    const all = withSelected(new Set(["1"]), ["2", "3"], true);
    expect([...all]).toEqual(["1", "2", "3"]);
    expect([...withSelected(all, ["1", "3"], false)]).toEqual(["2"]);
  });

  test("takes a range in both directions", () => {
    const order = ["1", "2", "3", "4"];
    expect(rangeOf(order, "2", "4")).toEqual(["2", "3", "4"]);
    expect(rangeOf(order, "4", "2")).toEqual(["2", "3", "4"]);
    expect(rangeOf(order, undefined, "3")).toEqual(["3"]);
    expect(rangeOf(order, "gone", "3")).toEqual(["3"]);
  });
});

test("a dead letter is gone if it left the queue, and not for a dry run", () => {
  const result = { id: "1", route: "search", outcome: "delivered", stays: false };
  expect(isGone({ result, isDryRun: false })).toBe(true);
  expect(isGone({ result, isDryRun: true })).toBe(false);
  expect(isGone({ result: { ...result, stays: true }, isDryRun: false })).toBe(false);
  expect(isGone(undefined)).toBe(false);
});

test("a drop is confirmed by its number or by DROP", () => {
  for (const typed of ["1200", " 1200 ", "1,200", "DROP"]) expect(confirmsDrop(typed, 1_200)).toBe(true);
  for (const typed of ["", "120", "12000", "drop", "yes"]) expect(confirmsDrop(typed, 1_200)).toBe(false);
});

test("rows are counted by route", () => {
  const rows = [letter("1", { route: "billing" }), letter("2"), letter("3")];
  expect(byRouteText(rows)).toBe("2 of search, 1 of billing");
});

describe("the editor", () => {
  const keys = { id: { S: "o-1" } };

  test("accepts what it begins with", () => {
    const image = {
      id: { S: "o-1" },
      n: { N: "-1.5e3" },
      l: { L: [{ BOOL: true }, { NULL: true }] },
      m: { M: { b: { B: "AAE=" } } },
      s: { SS: ["x"] },
    } as never;
    expect(readEdited(editorText(image, keys), keys)).toEqual({ image });
  });

  test.each([
    ["", /not JSON/],
    ['{\n  "id": {"S":"o-1"},\n  x\n}', /not JSON at line 3, column 3/],
    ["[]", /no object/],
    ['{"id":"o-1"}', /^id has no type/],
    ['{"id":{"S":"o-1","N":"1"}}', /^id has no type/],
    ['{"id":{"S":"o-1"},"a":{"X":1}}', /^a has the type "X"/],
    ['{"id":{"S":"o-1"},"a":{"N":1}}', /^a is no N; expected a number as text/],
    ['{"id":{"S":"o-1"},"a":{"N":"one"}}', /^a is no N/],
    ['{"id":{"S":"o-1"},"a":{"SS":[]}}', /^a is no SS; expected a list of texts that is not empty/],
    ['{"id":{"S":"o-1"},"a":{"M":{"b":{"L":[{"S":1}]}}}}', /^a\.b\.0 is no S/],
    ['{"id":{"S":"o-2"}}', /key was changed; expected id as before/],
    ["{}", /key was changed/],
  ])("says what is wrong with %j", (text, problem) => {
    expect(readEdited(text, keys).problem).toMatch(problem);
  });
});
