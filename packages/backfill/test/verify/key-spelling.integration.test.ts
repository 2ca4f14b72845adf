// Keys are spelled as DynamoDB returns them, so that an item with another spelling of its key is found.

import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { afterAll, describe, expect, test } from "@jest/globals";
import { tableReader } from "@sluice/backfill";
import { type Image, itemKeyOf, wireImage } from "@sluice/core/envelope";
import { sdkItem } from "@sluice/core/sink-kit";
import { engineOrSkip, startDynamodb } from "@sluice/local";
import fc from "fast-check";
import { spelledKeys } from "../../src/verify/key-spelling.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, () => startDynamodb());

const seed = Number(process.env.SEED ?? 20_261_128);
const { signal } = new AbortController();

/** Spellings of numbers that DynamoDB accepts. */
const numbers = fc
  .tuple(
    fc.constantFrom("", "-", "+"),
    fc.constantFrom("", "0", "00"),
    fc.bigInt({ min: 0n, max: 10n ** 30n }),
    fc.constantFrom("", ".0", ".50", ".00012300"),
    fc.constantFrom("", "e0", "E+3", "e-7", "e80", "E-90"),
  )
  .map((parts) => parts.join(""));

const unpadded = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => {
  const text = Buffer.from(bytes).toString("base64");
  return bytes.length % 2 === 0 ? text : text.replace(/=+$/, "");
});

describeWithDynamodb("the spelling of keys", ({ clientConfig }) => {
  const client = new DynamoDB(clientConfig);
  afterAll(() => client.destroy());

  test(`is the one of DynamoDB, and finds the items (seed ${seed})`, async () => {
    const table = "spelled";
    await client.createTable({
      TableName: table,
      AttributeDefinitions: [
        { AttributeName: "n", AttributeType: "N" },
        { AttributeName: "b", AttributeType: "B" },
      ],
      KeySchema: [
        { AttributeName: "n", KeyType: "HASH" },
        { AttributeName: "b", KeyType: "RANGE" },
      ],
      BillingMode: "PAY_PER_REQUEST",
    });
    const { read } = tableReader({ client, table, keyNames: ["n", "b"] });
    await fc.assert(
      fc.asyncProperty(numbers, unpadded, async (N, B) => {
        const given: Image = { n: { N }, b: { B } };
        await client.putItem({ TableName: table, Item: sdkItem({ ...given, total: { N: "1" } }) });
        const { Items = [] } = await client.query({
          TableName: table,
          KeyConditionExpression: "n = :n AND b = :b",
          ExpressionAttributeValues: { ":n": { N }, ":b": sdkItem(given).b as never },
        });
        const { total: _, ...stored } = wireImage(Items[0] as Image);
        const keys = spelledKeys(given);
        expect(keys).toEqual(stored);
        expect((await read([keys], signal)).has(itemKeyOf(keys))).toBe(true);
      }),
      { numRuns: 150, seed },
    );
  });

  test("leaves numbers that DynamoDB refuses as they are", () => {
    for (const N of ["", "one", "1e999", "1e-9999999999999999999", "Infinity"]) {
      expect(spelledKeys({ n: { N } })).toEqual({ n: { N } });
    }
  });
});
