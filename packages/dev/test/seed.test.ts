// Reads items as they are in the file, to the last digit, and writes all of them or none.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startDynamodb } from "@sluice/local";
import fc from "fast-check";
import { ExactNumber, parseExactly } from "../src/seed/exact-json.ts";
import { keyOfSeed } from "../src/seed/key-of-seed.ts";
import { readSeed } from "../src/seed/read-seed.ts";
import { writeSeed } from "../src/seed/write-seed.ts";
import { openTable } from "../src/table/table.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-seed-"));
});
afterAll(() => rm(folder, { recursive: true }));

const itemsOf = async (name: string, text: string) => {
  const path = join(folder, name);
  await writeFile(path, text);
  return readSeed(path);
};

describe("a seed", () => {
  test("is an array of plain items, with every digit of their numbers", async () => {
    const items = await itemsOf(
      "a.json",
      '[{"id":"a","n":12345678901234567890,"f":0.10,"deep":{"list":[1,"x",null,true,-1.5e3]}}, {"id":"b"}]',
    );
    expect(items).toEqual([
      {
        id: { S: "a" },
        n: { N: "12345678901234567890" },
        f: { N: "0.10" },
        deep: { M: { list: { L: [{ N: "1" }, { S: "x" }, { NULL: true }, { BOOL: true }, { N: "-1.5e3" }] } } },
      },
      { id: { S: "b" } },
    ]);
  });

  test("is a line for each item, also with empty lines, a mark of the byte order, and Windows' line ends", async () => {
    expect(await itemsOf("b.ndjson", '\uFEFF{"id":1}\r\n\r\n{"id":9007199254740993}\r\n')).toEqual([
      { id: { N: "1" } },
      { id: { N: "9007199254740993" } },
    ]);
    expect(await itemsOf("b.json", '{"id":1}\n{"id":2}\n')).toHaveLength(2);
    expect(await itemsOf("c.json", '{\n"id": 1\n}\n')).toEqual([{ id: { N: "1" } }]);
  });

  test("is DynamoDB's JSON, if all of its items are", async () => {
    const typed = { id: { S: "a" }, tags: { SS: ["x"] }, bytes: { B: "AAE=" }, map: { M: { n: { N: "1" } } } };
    expect(await itemsOf("d.json", JSON.stringify([typed]))).toEqual([typed]);
    expect(await itemsOf("d.ndjson", `${JSON.stringify({ Item: typed })}\n`)).toEqual([typed]);
    const [mixed] = await itemsOf("e.json", JSON.stringify([{ id: { S: "a" } }, { id: "b" }]));
    expect(mixed).toEqual({ id: { M: { S: { S: "a" } } } });
  });

  test("with a wrong line says which, shows no value, and gives no item", async () => {
    await expect(itemsOf("f.ndjson", '{"id":1}\n\n{"id":"secret\n')).rejects.toThrow(/f\.ndjson: line 3 is not JSON/);
    await expect(itemsOf("f.ndjson", '{"id":1}\n\n{"id":"secret\n')).rejects.not.toThrow(/secret/);
    await expect(itemsOf("g.ndjson", '{"id":1}\n7\n')).rejects.toThrow(/g\.ndjson: line 2 is object|line 2 is/);
    await expect(itemsOf("h.json", '[{"id":1},\n{"id":2}\n{"id":"secret"}]')).rejects.toThrow(
      /h\.json: line 3 is not JSON/,
    );
    await expect(itemsOf("i.json", '[{"id":1},[]]')).rejects.toThrow(/item 2 is an array; expected an object/);
    await expect(readSeed(join(folder, "none.json"))).rejects.toThrow(/cannot be read: ENOENT/);
  });

  test("keeps every text, also one that looks like the mark of a number", () => {
    const plain = (value: unknown): unknown => {
      if (value instanceof ExactNumber) return Number(value.text);
      if (Array.isArray(value)) return value.map(plain);
      if (typeof value !== "object" || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
    };
    const text = fc.string({ unit: fc.constantFrom("a", '"', "\\", "1", "\u{F0000}", "\n", "-") });
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        text,
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie("any"), { maxLength: 3 }),
        fc.dictionary(text, tie("any"), { maxKeys: 3 }),
      ),
    })).any;
    expect(plain(parseExactly('{"\\udb80\\udc00":"\\udb80\\udc001"}'))).toEqual({ "\u{F0000}": "\u{F0000}1" });
    fc.assert(fc.property(value, (one) => expect(plain(parseExactly(JSON.stringify(one)))).toEqual(one)));
  });
});

describe("the key of a seed", () => {
  test.each([
    [[{ id: { S: "a" } }, { id: { S: "b" } }], [{ name: "id", type: "S" }]],
    [[{ Title: { S: "x" }, filmId: { N: "1" } }, { filmId: { N: "2" } }], [{ name: "filmId", type: "N" }]],
    [
      [
        { pk: { S: "a" }, sk: { S: "1" } },
        { pk: { S: "a" }, sk: { S: "2" } },
      ],
      [
        { name: "pk", type: "S" },
        { name: "sk", type: "S" },
      ],
    ],
    [
      [
        { customerId: { S: "a" }, order_id: { S: "1" } },
        { customerId: { S: "a" }, order_id: { S: "2" } },
      ],
      [{ name: "order_id", type: "S" }],
    ],
    [[{ customerId: { S: "a" } }, { customerId: { S: "a" } }], undefined],
    [[{ id: { S: "a" } }, { id: { N: "1" } }], undefined],
    [[], undefined],
  ])("%j", (items, key) => {
    expect(keyOfSeed(items as Parameters<typeof keyOfSeed>[0])).toEqual(key);
  });
});

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

describeWithDynamodb("a seed in a table", (engine) => {
  const key = [{ name: "id", type: "S" }] as const;

  test("is there completely, the last item of each key, with every digit", async () => {
    const client = new DynamoDB(engine.clientConfig);
    const table = await openTable(client, "seeded", { key, isGiven: false });
    const items = Array.from({ length: 260 }, (_, index) => ({
      id: { S: `i-${index % 250}` },
      n: { N: `1234567890123456789${index}` },
    }));
    const progress: number[] = [];
    expect(await writeSeed(client, table, items, (done) => progress.push(done))).toBe(250);
    expect(progress.at(-1)).toBe(250);
    const { Items = [] } = await client.scan({ TableName: "seeded" });
    expect(new Map(Items.map(({ id, n }) => [id?.S, n?.N]))).toEqual(new Map(items.map(({ id, n }) => [id.S, n.N])));
    client.destroy();
  });

  test("is not written at all if an item lacks the key", async () => {
    const client = new DynamoDB(engine.clientConfig);
    const table = await openTable(client, "unseeded", { key, isGiven: false });
    const writing = writeSeed(client, table, [{ id: { S: "a" } }, { id: { N: "1" } }], () => undefined);
    await expect(writing).rejects.toThrow(/item 2 of the seed has no id of type S/);
    expect((await client.scan({ TableName: "unseeded" })).Count).toBe(0);
    client.destroy();
  });

  test("says so if DynamoDB refuses an item", async () => {
    const client = new DynamoDB(engine.clientConfig);
    const table = await openTable(client, "refused", { key, isGiven: false });
    const writing = writeSeed(client, table, [{ id: { S: "a" }, text: { S: "x".repeat(500_000) } }], () => undefined);
    await expect(writing).rejects.toThrow(
      expect.objectContaining({
        name: "DevError",
        message: expect.stringMatching(/^DynamoDB refuses an item of the seed: .*size/),
      }),
    );
    client.destroy();
  });

  test("an existing table keeps its key and is refused for another one, or without a stream", async () => {
    const client = new DynamoDB(engine.clientConfig);
    await openTable(client, "kept", { key, isGiven: false });
    const other = [{ name: "pk", type: "N" }] as const;
    expect(await openTable(client, "kept", { key: other, isGiven: false })).toMatchObject({ key, isNew: false });
    await expect(openTable(client, "kept", { key: other, isGiven: true })).rejects.toThrow(
      /has the key id \(S\); --key says pk \(N\)/,
    );
    await client.createTable({
      TableName: "still",
      BillingMode: "PAY_PER_REQUEST",
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    });
    await expect(openTable(client, "still", { key, isGiven: false })).rejects.toThrow(/the table still has no stream/);
    client.destroy();
  });
});
