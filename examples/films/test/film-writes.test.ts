import { expect, test } from "@jest/globals";
import { loadFilms } from "../src/film-items.ts";
import { filmWrite } from "../src/film-writes.ts";

const films = 3201;
const writes = Array.from({ length: 20_000 }, (_, position) => filmWrite(position, films));

test("a bad record comes within the first writes, and bad records end", () => {
  const spoiled = writes.flatMap(({ kind }, position) => (kind === "spoil" ? [position] : []));
  expect(spoiled[0]).toBeLessThan(30);
  expect(spoiled.length).toBeGreaterThan(1);
  expect(spoiled.length).toBeLessThan(20);
});

test("no other write touches a film with a bad record, so that its redrive is not superseded", () => {
  const spoiled = writes.filter(({ kind }) => kind === "spoil").map(({ filmId }) => filmId);
  const others = new Set(writes.filter(({ kind }) => kind !== "spoil").map(({ filmId }) => filmId));
  expect(new Set(spoiled).size).toBe(spoiled.length);
  expect(spoiled.filter((filmId) => others.has(filmId))).toEqual([]);
});

test("a film that was removed is inserted by the next write", () => {
  const removals = writes.slice(0, -1).flatMap(({ kind, filmId }, position) => {
    const next = writes[position + 1];
    return kind === "remove" ? [{ filmId, next }] : [];
  });
  expect(removals.length).toBeGreaterThan(100);
  for (const { filmId, next } of removals) expect(next).toEqual({ kind: "insert", filmId });
});

test("each write is of a film that exists", async () => {
  const items = await loadFilms();
  expect(items.length).toBe(films);
  expect(items.map(({ filmId }) => filmId)).toEqual(items.map((_, index) => index + 1));
  expect(writes.filter(({ filmId }) => items[filmId - 1] === undefined)).toEqual([]);
});
