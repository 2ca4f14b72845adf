// The scan on DynamoDB Local: values, cuts at every page, and the time of the table.

import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type SourcePage, scanSource, tableTime, type Unit } from "@sluice/backfill";
import type { Image, StreamRecord } from "@sluice/core/envelope";
import { decodeImage, decodeRecord, sdkItem } from "@sluice/core/sink-kit";
import { engineOrSkip, startDynamodb } from "@sluice/local";
import fc from "fast-check";
import { never, origin } from "../support/origin.ts";
import { attributes } from "../support/random-item.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

const asOf = "1767322800000000";
const seed = Number(process.env.SEED ?? 20_261_128);

const pagesOf = async (pages: AsyncIterable<SourcePage>): Promise<SourcePage[]> => {
  const all: SourcePage[] = [];
  for await (const page of pages) all.push(page);
  return all;
};

const recordsIn = (pages: readonly SourcePage[]): StreamRecord[] => pages.flatMap(({ records }) => records);

const imageIn = ({ dynamodb }: StreamRecord): Image => dynamodb?.NewImage ?? {};

const idOf = (image: Image): string => JSON.stringify(image.id);

/** Members of a set have no order. */
const sorted = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (name, member: unknown) =>
    ["SS", "NS", "BS"].includes(name) ? [...(member as string[])].sort() : member,
  );

describeWithDynamodb("a scan", ({ clientConfig }) => {
  const client = new DynamoDB(clientConfig);
  afterAll(() => client.destroy());

  const createTable = async (table: string): Promise<void> => {
    await client.createTable({
      TableName: table,
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      BillingMode: "PAY_PER_REQUEST",
    });
  };

  const put = async (table: string, item: Image): Promise<void> => {
    await client.putItem({ TableName: table, Item: sdkItem(item) });
  };

  const scan = (table: string, segments: number) => scanSource({ client, table, origin, asOf, segments });

  const scanAll = async (table: string, segments: number): Promise<StreamRecord[]> => {
    const source = scan(table, segments);
    const records: StreamRecord[] = [];
    for (const unit of await source.units()) {
      records.push(...recordsIn(await pagesOf(source.pages(unit, undefined, never()))));
    }
    return records;
  };

  test(`keeps values of every type, through JSON (seed ${seed})`, async () => {
    await createTable("values");
    let count = 0;
    const expected = new Map<string, Image>();
    const written = fc.asyncProperty(attributes, async (others) => {
      count += 1;
      const item: Image = { ...others, id: { S: `item ${count}` } };
      await put("values", item);
      expected.set(idOf(item), item);
    });
    await fc.assert(written, { numRuns: 150, seed });
    const sent = JSON.parse(JSON.stringify(await scanAll("values", 3))) as StreamRecord[];
    expect(sent).toHaveLength(expected.size);
    for (const record of sent) {
      const item = expected.get(idOf(imageIn(record))) ?? {};
      expect(sorted(imageIn(record))).toEqual(sorted(item));
      expect(decodeRecord(record).after).toEqual(decodeImage(item));
    }
  });

  test("has items that are rejected if they have attributes whose values the SDK loses", async () => {
    await createTable("lost");
    const lost = { ["__proto__"]: { S: "x" } } as const;
    await put("lost", { id: { S: "whole" }, others: { M: lost } });
    await put("lost", { id: { S: "broken" }, ...lost });
    const sent = JSON.parse(JSON.stringify(await scanAll("lost", 1))) as StreamRecord[];
    const images = new Map(sent.map(imageIn).map((image) => [idOf(image), image]));
    expect(images.get('{"S":"whole"}')).toEqual({ id: { S: "whole" }, others: { M: lost } });
    expect(() => decodeImage(images.get('{"S":"broken"}') ?? {})).toThrow("an attribute value has no type");
  });

  describe("of a table with several pages", () => {
    const table = "pages";
    const ids = Array.from({ length: 40 }, (_, index) => `item ${index}`);
    const unit: Unit = { kind: "segment", segment: 0, segments: 1 };
    beforeAll(async () => {
      await createTable(table);
      for (const id of ids) await put(table, { id: { S: id }, body: { S: "x".repeat(100_000) } });
    });

    test("says what a page costs, and where the next page starts", async () => {
      const pages = await pagesOf(scan(table, 1).pages(unit, undefined, never()));
      expect(pages.length).toBeGreaterThan(3);
      expect(pages.at(-1)?.cursor).toBeUndefined();
      expect(pages.slice(0, -1).every(({ cursor, readUnits }) => cursor !== undefined && readUnits > 50)).toBe(true);
      expect(recordsIn(pages).map((record) => imageIn(record).id)).toHaveLength(ids.length);
    });

    test("costs twice as much with consistent reads", async () => {
      const cost = async (isConsistent: boolean): Promise<number> => {
        const source = scanSource({ client, table, origin, asOf, segments: 1, isConsistent });
        return (await pagesOf(source.pages(unit, undefined, never()))).reduce((sum, page) => sum + page.readUnits, 0);
      };
      expect(await cost(true)).toBeGreaterThan(1.9 * (await cost(false)));
    });

    test("has every item at least once, wherever it is cut and resumed", async () => {
      const source = scan(table, 1);
      const whole = await pagesOf(source.pages(unit, undefined, never()));
      for (const [cut, { cursor }] of whole.entries()) {
        if (cursor === undefined) continue;
        const resumed = await pagesOf(scan(table, 1).pages(unit, cursor, never()));
        const seen = [...recordsIn(whole.slice(0, cut + 1)), ...recordsIn(resumed)].map((record) => imageIn(record).id);
        expect(new Set(seen.map((id) => JSON.stringify(id))).size).toBe(ids.length);
      }
    });

    test("ends without a last page after the signal has aborted", async () => {
      const stop = new AbortController();
      const cursors: unknown[] = [];
      for await (const { cursor } of scan(table, 1).pages(unit, undefined, stop.signal)) {
        cursors.push(cursor);
        stop.abort();
      }
      expect(cursors).toEqual([expect.any(String)]);
    });
  });

  test("has every item once over all segments, and empty segments too", async () => {
    await createTable("segments");
    for (let index = 0; index < 30; index += 1) await put("segments", { id: { S: `item ${index}` } });
    const ids = (await scanAll("segments", 50)).map((record) => JSON.stringify(imageIn(record).id));
    expect(ids).toHaveLength(30);
    expect(new Set(ids).size).toBe(30);
  });

  test("of a missing table says that it is missing", async () => {
    const [unit] = await scan("none", 1).units();
    await expect(pagesOf(scan("none", 1).pages(unit as Unit, undefined, never()))).rejects.toMatchObject({
      name: "SourceError",
      isTransient: false,
      message: expect.stringMatching(
        /^\[table none\] DynamoDB answered ResourceNotFound: .*; expected the name of a table/,
      ),
    });
    await expect(tableTime({ client, table: "none" })).rejects.toMatchObject({ name: "SourceError" });
  });

  test("can tell the time of the table, which is later at each call, and never ahead", async () => {
    await createTable("time");
    const first = Number(await tableTime({ client, table: "time" }));
    const second = Number(await tableTime({ client, table: "time" }));
    // DynamoDB Local runs on the clock of this machine.
    expect(first).toBeLessThan(second);
    expect(second).toBeLessThanOrEqual(Date.now() * 1_000);
    expect(second).toBeGreaterThan((Date.now() - 5_000) * 1_000);
    expect(String(second)).toHaveLength(16);
  });
});
