import { describe, expect, test } from "@jest/globals";
import { compare, describeComparison, type FilmRow, isClean } from "../src/comparison.ts";
import type { FilmItem } from "../src/films-data.ts";

const item = (id: string, updatedAtMs: string, attributes: Omit<FilmItem, "filmId"> = {}): [string, FilmItem] => [
  id,
  { filmId: { N: id }, updatedAtMs: { N: updatedAtMs }, ...attributes },
];
const row = (id: string, updatedAtMs: string, columns: FilmRow = {}): [string, FilmRow] => [
  id,
  { film_id: id, updated_at_ms: updatedAtMs, ...columns },
];

describe("a comparison", () => {
  test("finds missing, stale, differing and ghost films", () => {
    const items = new Map([
      item("1", "5", { Title: { S: "equal" } }),
      item("2", "5"),
      item("3", "5", { Title: { S: "new" } }),
      item("4", "5", { Title: { S: "true" } }),
    ]);
    const rows = new Map([
      row("1", "5", { title: "equal" }),
      row("3", "4", { title: "old" }),
      row("4", "5", { title: "false" }),
      row("9", "5"),
    ]);
    const found = compare(items, rows);
    expect(found).toEqual({ compared: 4, missing: ["2"], stale: ["3"], differing: ["4"], ghost: ["9"] });
    expect(isClean(found)).toBe(false);
    expect(describeComparison(found)).toBe("4 compared: 1 missing, 1 stale, 1 differing, 1 ghost");
  });

  test("treats NULL, a missing attribute and SQL null as equal, and an empty string as different", () => {
    const items = new Map([
      item("1", "5", { Title: { NULL: true } }),
      item("2", "5"),
      item("3", "5", { Title: { S: "" } }),
    ]);
    const rows = new Map([row("1", "5", { title: null }), row("2", "5"), row("3", "5", { title: null })]);
    expect(compare(items, rows).differing).toEqual(["3"]);
  });

  test("compares every digit of a number", () => {
    const items = new Map([item("1", "5", { "IMDB Rating": { N: "7.10" } })]);
    expect(isClean(compare(items, new Map([row("1", "5", { imdb_rating: "7.10" })])))).toBe(true);
    expect(isClean(compare(items, new Map([row("1", "5", { imdb_rating: "7.1" })])))).toBe(false);
  });
});
