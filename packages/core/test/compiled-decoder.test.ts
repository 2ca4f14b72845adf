import { describe, expect, test } from "@jest/globals";
import { imageDecoders } from "../src/record/compiled-decoder.ts";
import type { AttributeValue, Image } from "../src/sink-kit.ts";

/** Creates a decoder of images. It returns `{ each: true }` for an image for which no compiled code exists. */
const decoder = () =>
  imageDecoders(
    (value: AttributeValue) => ["value", value],
    {
      N: (text) => ["number", text],
      M: (map, nested) => ["map", nested(map)],
      L: (list) => ["list", list],
      SS: (texts) => ["texts", texts],
      NS: (numbers) => ["numbers", numbers],
    },
    () => ({ each: true }),
  )();

const sightings = 32;

type Decode = ReturnType<typeof decoder>;

const see = (decode: Decode, held: Image, times: number): unknown => {
  let item: unknown;
  for (let sighting = 0; sighting < times; sighting += 1) item = decode(held);
  return item;
};

const each = { each: true };

describe("a shape", () => {
  test("is compiled after enough images, and not before", () => {
    const decode = decoder();
    const held: Image = { a: { S: "1" }, b: { N: "2" }, c: { BOOL: true }, d: { NULL: true } };
    expect(see(decode, held, sightings - 1)).toEqual(each);
    expect(decode(held)).toEqual({ a: "1", b: ["number", "2"], c: true, d: null });
  });

  test("decodes maps, lists and sets of the expected type", () => {
    const decode = decoder();
    const held: Image = { m: { M: {} }, l: { L: [] }, s: { SS: ["1"] }, n: { NS: ["2"] } };
    expect(see(decode, held, sightings)).toEqual({
      m: ["map", each],
      l: ["list", []],
      s: ["texts", ["1"]],
      n: ["numbers", ["2"]],
    });
    const other: Image = { m: { L: [] }, l: { SS: ["1"] }, s: { NS: ["2"] }, n: { M: {} } };
    expect(decode(other)).toEqual(Object.fromEntries(Object.entries(other).map(([name, of]) => [name, ["value", of]])));
  });

  test("accepts a type whose name is also a method of Object.prototype", () => {
    const held = { a: { constructor: "1" } } as unknown as Image;
    expect(see(decoder(), held, sightings)).toEqual({ a: ["value", held.a] });
  });

  test("also decodes attributes of other types than in the first images", () => {
    const decode = decoder();
    see(decode, { a: { S: "1" }, b: { NULL: true } }, sightings);
    expect(decode({ a: { NULL: true }, b: { S: "2" } })).toEqual({ a: null, b: "2" });
    expect(decode({ a: { N: "1" }, b: { B: "2" } })).toEqual({ a: ["value", { N: "1" }], b: ["value", { B: "2" }] });
  });

  test.each<[AttributeValue, unknown]>([
    [{ S: "" }, ""],
    [{ BOOL: false }, false],
    [{ N: "2" }, ["number", "2"]],
    [{ M: {} }, ["map", each]],
    [{ L: [] }, ["list", []]],
    [{ SS: ["1"] }, ["texts", ["1"]]],
    [{ NS: ["2"] }, ["numbers", ["2"]]],
    [{ B: "2" }, ["value", { B: "2" }]],
  ])("decodes %j where the first images have null", (value, expected) => {
    const decode = decoder();
    see(decode, { a: { NULL: true } }, sightings);
    expect(decode({ a: value })).toEqual({ a: expected });
    expect(decode({ a: { NULL: true } })).toEqual({ a: null });
  });

  test("does not match an image with more, fewer or reordered attributes", () => {
    const decode = decoder();
    see(decode, { a: { S: "1" }, b: { S: "2" } }, sightings);
    expect(decode({ a: { S: "1" } })).toEqual(each);
    expect(decode({ a: { S: "1" }, b: { S: "2" }, c: { S: "3" } })).toEqual(each);
    expect(decode({ b: { S: "2" }, a: { S: "1" } })).toEqual(each);
    expect(decode({ a: { S: "1" }, b: { S: "2" } })).toEqual({ a: "1", b: "2" });
  });

  test("is not compiled if 256 shapes are compiled already", () => {
    const decode = decoder();
    for (let shape = 0; shape < 256; shape += 1) {
      expect(see(decode, { [`name-${shape}`]: { S: "1" } }, sightings)).toEqual({ [`name-${shape}`]: "1" });
    }
    expect(see(decode, { late: { S: "1" } }, sightings * 2)).toEqual(each);
    expect(decode({ "name-7": { S: "1" } })).toEqual({ "name-7": "1" });
  });

  test("is not stored if its images have thousands of names, so that memory stays limited", () => {
    const decode = decoder();
    for (let name = 0; name < 10_000; name += 1) decode({ [`name-${name}`]: { S: "1" } });
    expect(see(decode, { late: { S: "1" } }, sightings * 2)).toEqual(each);
  });
});
