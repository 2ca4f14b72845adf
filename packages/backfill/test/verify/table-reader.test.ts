// Consistent reads: requests of 100 keys, unprocessed keys, projections, and failures.

import { describe, expect, test } from "@jest/globals";
import { type Image, itemKeyOf } from "@sluice/core/envelope";
import { type BatchGetClient, type BatchGetInput, tableReader } from "../../src/index.ts";

const keyOf = (id: number): Image => ({ id: { N: String(id) } });
const clock = { sleep: async () => undefined, random: () => 0.5 };
const { signal } = new AbortController();

const requestOf = (input: BatchGetInput) => {
  const [[table, request] = ["", undefined]] = Object.entries(input.RequestItems);
  if (request === undefined) throw new Error("a request has no table");
  return { table, ...request };
};

/** A table in which the items with even ids exist. Processes at most `most` keys of a request. */
const tableOf = (most: number) => {
  const requests: ReturnType<typeof requestOf>[] = [];
  const client: BatchGetClient = {
    batchGetItem: async (input) => {
      const request = requestOf(input);
      requests.push(request);
      const [done, left] = [request.Keys.slice(0, most), request.Keys.slice(most)];
      const found = done.filter(({ id }) => Number((id as { readonly N: string }).N) % 2 === 0);
      const Items = found.map((key) => ({ ...key, bytes: { B: new Uint8Array([1, 2]) } }));
      return {
        Responses: { [request.table]: Items },
        ...(left.length > 0 && { UnprocessedKeys: { [request.table]: { Keys: left } } }),
      };
    },
  };
  return { requests, read: tableReader({ client, table: "orders", keyNames: ["id"], clock }).read };
};

describe("a table reader", () => {
  test("asks for at most 100 keys at once, consistently, and again for unprocessed keys", async () => {
    const { requests, read } = tableOf(30);
    const items = await read([...Array(250).keys()].map(keyOf), signal);
    expect(items.size).toBe(125);
    expect(items.get(itemKeyOf(keyOf(8)))).toEqual({ id: { N: "8" }, bytes: { B: "AQI=" } });
    expect(items.has(itemKeyOf(keyOf(7)))).toBe(false);
    expect(requests.map(({ Keys }) => Keys.length)).toEqual([100, 70, 40, 10, 100, 70, 40, 10, 50, 20]);
    expect(requests.every(({ ConsistentRead }) => ConsistentRead)).toBe(true);
  });

  test("asks for keys only if nothing else is needed", async () => {
    const { requests, read } = tableOf(100);
    await read([keyOf(1)], signal, { keysOnly: true });
    expect(requests[0]).toMatchObject({ ProjectionExpression: "#k0", ExpressionAttributeNames: { "#k0": "id" } });
  });

  test("gives up when no key is processed for a long time", async () => {
    const { requests, read } = tableOf(0);
    await expect(read([keyOf(1), keyOf(2)], signal)).rejects.toMatchObject({ name: "SourceError", isTransient: true });
    expect(requests).toHaveLength(15);
  });

  test("sends bytes of keys as bytes, and throws when the signal aborts", async () => {
    const sent: BatchGetInput[] = [];
    const client: BatchGetClient = {
      batchGetItem: async (input) => {
        sent.push(input);
        return {};
      },
    };
    const reader = tableReader({ client, table: "orders", keyNames: ["id"], clock });
    await reader.read([{ id: { B: "AQI=" } }], signal);
    expect(sent[0]?.RequestItems.orders?.Keys).toEqual([{ id: { B: new Uint8Array([1, 2]) } }]);
    await expect(reader.read([keyOf(1)], AbortSignal.abort())).rejects.toThrow("interrupted");
  });

  test("asks for a key once, and refuses an item whose key has another spelling", async () => {
    const { requests, read } = tableOf(100);
    expect(await read([keyOf(2), keyOf(2)], signal)).toHaveProperty("size", 1);
    expect(requests[0]?.Keys).toHaveLength(1);
    const client: BatchGetClient = { batchGetItem: async () => ({ Responses: { orders: [{ id: { N: "2" } }] } }) };
    const reader = tableReader({ client, table: "orders", keyNames: ["id"], clock });
    await expect(reader.read([{ id: { N: "2.0" } }], signal)).rejects.toThrow("spelled in another way");
  });
});
