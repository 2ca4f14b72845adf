import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { addressOf, href } from "../src/page/address.ts";
import { filterOf, filterText, isFiltering } from "../src/page/changes-filter.ts";
import { nextSort, type RouteSort, sortOf, sortQuery } from "../src/page/route-sort.ts";
import { screenAt, screens } from "../src/page/screens.ts";

const parse = (link: string) => {
  const { pathname, search } = new URL(link, "http://127.0.0.1");
  return addressOf(pathname, search);
};

describe("the address of the page", () => {
  test("a link brings back every text of its query, also of keys with signs of addresses", () => {
    const texts = fc.dictionary(
      fc.string({ minLength: 1, maxLength: 8, unit: "grapheme" }),
      fc.string({ minLength: 1, unit: "grapheme" }),
    );
    fc.assert(
      fc.property(texts, (query) => {
        expect(parse(href("/changes", query))).toEqual({ path: "/changes", query: { ...query } });
      }),
    );
  });

  test("a link leaves out what is undefined or empty", () => {
    expect(href("/changes", { route: "a", code: undefined, key: "" })).toBe("/changes?route=a");
    expect(href("/runs")).toBe("/runs");
  });

  test("a slash at the end names the same screen", () => {
    expect(addressOf("/changes/", "").path).toBe("/changes");
    expect(addressOf("/", "").path).toBe("/");
  });

  test("each screen has a path, a title and a shortcut of its own", () => {
    for (const screen of screens) expect(screenAt(screen.path)).toBe(screen);
    for (const member of ["path", "title", "key"] as const) {
      expect(new Set(screens.map((screen) => screen[member])).size).toBe(screens.length);
    }
    expect(screenAt("/other")).toBeUndefined();
  });
});

describe("the filter of the changes", () => {
  const filters = fc.record(
    {
      pipeline: fc.string({ minLength: 1 }),
      route: fc.string({ minLength: 1 }),
      outcome: fc.constantFrom("delivered" as const, "superseded" as const, "rejected" as const),
      code: fc.string({ minLength: 1 }),
      kind: fc.constantFrom("insert" as const, "remove" as const),
      key: fc.string({ minLength: 1, unit: "grapheme" }),
    },
    { requiredKeys: [] },
  );

  test("comes back from the address as it was", () => {
    fc.assert(
      fc.property(filters, (filter) => {
        const read = filterOf(parse(href("/changes", { ...filter })).query);
        expect(JSON.parse(JSON.stringify(read))).toEqual(filter);
        expect(isFiltering(read)).toBe(Object.keys(filter).length > 0);
        expect(filterText(read)).toBe(filterText(filter));
      }),
    );
  });

  test("selects all where the address has a word that the page does not know", () => {
    const filter = filterOf({ outcome: "lost", kind: "upsert", route: "" });
    expect(isFiltering(filter)).toBe(false);
  });
});

describe("the order of the routes", () => {
  test("a column is sorted from the highest, then from the lowest, then not", () => {
    const first = nextSort({ column: undefined, isAscending: false }, "lag");
    const second = nextSort(first, "lag");
    expect(sortQuery(first)).toEqual({ sort: "lag", order: undefined });
    expect(sortQuery(second)).toEqual({ sort: "lag", order: "asc" });
    expect(nextSort(second, "lag").column).toBeUndefined();
    expect(nextSort(second, "rate")).toEqual({ column: "rate", isAscending: false });
  });

  test("comes back from the address; an unknown column is the order of the module", () => {
    const sorts: RouteSort[] = [
      { column: "lag", isAscending: false },
      { column: "pending", isAscending: true },
    ];
    for (const sort of sorts) expect(sortOf(parse(href("/", sortQuery(sort))).query)).toEqual(sort);
    expect(sortOf({ sort: "toString", order: "asc" }).column).toBeUndefined();
  });
});
