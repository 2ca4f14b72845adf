// Tests `read`, `canonical` and `keys` on DynamoDB Local: each kind of corruption is seen, and a repair mends it.

import { DeleteItemCommand, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { absenceRecord, backfillRecord, microsOf } from "@sluice/backfill";
import {
  type AttributeValue,
  type Change,
  decodeRecord,
  type Image,
  ownerOf,
  type SdkItem,
  SinkError,
  sdkItem,
} from "@sluice/core/sink-kit";
import { engineOrSkip } from "@sluice/local";
import { type PlainItem, streamChange, toImage } from "@sluice/testing";
import fc from "fast-check";
import { attributeValues, type DynamodbSink, type DynamodbSinkOptions, dynamodbSink } from "../src/index.ts";
import { allKeys, compare, newContext, originOf, repair, type SourceItem, sourceOf } from "./support/compare.ts";
import { type Engine, startEngine } from "./support/engine.ts";

const describeWithDynamodb = await engineOrSkip({ describe, test, afterAll }, startEngine);

const keyNames = ["pk", "sk"];
const keyTypes = { pk: "S", sk: "S" } as const;
const origin = originOf(keyNames);

const write = async (sink: DynamodbSink, changes: readonly Change[]) => {
  const deliveries = changes.map((change) => ({ change, message: change.after as never, earlier: [] }));
  const results = await sink.write(deliveries, newContext());
  return results.map((one) => (one.outcome === "failed" ? one.error.code : one.outcome));
};

const first: PlainItem = { pk: "a", sk: "1", total: 1, tags: new Set(["x", "y"]), id: "a|1", alias: "one" };
const second: PlainItem = { ...first, total: 2 };

interface Variant {
  readonly name: string;
  readonly options: Partial<DynamodbSinkOptions>;
  readonly keys: Readonly<Record<string, "S" | "N" | "B">>;
  /** Whether the target tells the source's key of an item whose guard was removed. */
  readonly tellsKey: boolean;
  /** Whether a removed item's key tells where its copy is. */
  readonly findsGhosts: boolean;
}

const variants: readonly Variant[] = [
  { name: "its own key", options: {}, keys: { pk: "S", sk: "S" }, tellsKey: true, findsGhosts: true },
  {
    name: "other names of the key",
    options: { key: { hash: "sk", range: "pk" } },
    keys: { hash: "S", range: "S" },
    tellsKey: true,
    findsGhosts: true,
  },
  {
    name: "a part of the key",
    options: { key: ["pk"] },
    keys: { pk: "S" },
    tellsKey: false,
    findsGhosts: true,
  },
  {
    name: "a function's key",
    options: { key: ({ pk, sk }) => ({ id: `${pk}|${sk}` }) },
    keys: { id: "S" },
    tellsKey: false,
    findsGhosts: true,
  },
  {
    name: "a key that moves",
    options: { movingKey: ({ alias }) => ({ alias: String(alias) }) },
    keys: { alias: "S" },
    tellsKey: false,
    findsGhosts: false,
  },
];

const isEqual = ({ held, expected }: Awaited<ReturnType<typeof compare>>): boolean =>
  expected === undefined
    ? held === undefined || held.state === "removed"
    : held?.state === "live" && JSON.stringify(sorted(held.content)) === JSON.stringify(sorted(expected));

const sorted = (content: object = {}) => Object.entries(content).sort(([one], [other]) => (one < other ? -1 : 1));

/** Changes a stored item; returns the item to store. Undefined: the item is deleted. */
type Corruption = (item: SdkItem, older: SdkItem) => SdkItem | undefined;

const corruptions: readonly (readonly [name: string, Corruption])[] = [
  ["the item is deleted", () => undefined],
  ["a value is changed", (item) => ({ ...item, total: { N: "17" } })],
  ["a member of a set is lost", (item) => ({ ...item, tags: { SS: ["x"] } })],
  ["an attribute is added", (item) => ({ ...item, extra: { NULL: true } })],
  ["an attribute is lost", ({ total: _, ...item }) => item],
  [
    "the TTL attribute is set, by which DynamoDB would delete the item",
    (item) => ({ ...item, _sluice_expires: { N: "1" } }),
  ],
  ["an older state is restored with its older version", (_, older) => older],
  ["the guard is removed, and a value is changed", ({ _sluice: _, ...item }) => ({ ...item, total: { N: "17" } })],
  ["the guard is another program's", (item) => ({ ...item, total: { N: "3" }, _sluice: { S: "mine" } })],
  [
    "the copy is marked as removed",
    (item) => ({ ...item, _sluice: { M: { ...guardOf(item), removed: { BOOL: true } } } }),
  ],
  ["the guard has only the mark of a removal", (item) => ({ ...item, _sluice: { M: { removed: { BOOL: true } } } })],
];

const guardOf = ({ _sluice }: SdkItem): SdkItem => (_sluice !== undefined && "M" in _sluice ? _sluice.M : {});

describeWithDynamodb("comparing and repairing", (engine: Engine) => {
  const { direct, proxy } = engine;
  afterEach(() => proxy.reset());

  const open = async ({ keys, options }: Pick<Variant, "keys" | "options">) => {
    const table = await engine.createTable(keys);
    const sink = dynamodbSink({ client: engine.client(), table, ...options });
    const keyIn = (item: SdkItem): SdkItem =>
      Object.fromEntries(Object.keys(keys).map((name) => [name, item[name] as SdkItem[string]]));
    const put = async (item: SdkItem) => direct.send(new PutItemCommand({ TableName: table, Item: { ...item } }));
    const remove = async (item: SdkItem) =>
      direct.send(new DeleteItemCommand({ TableName: table, Key: { ...keyIn(item) } }));
    const stored = async (): Promise<readonly SdkItem[]> => (await engine.scan(table)).map(sdkItem);
    return { table, sink, put, remove, stored, keyIn };
  };

  const openWithGhost = async (variant: Variant, hasGuard: boolean): Promise<DynamodbSink> => {
    const { sink, stored, put } = await open(variant);
    await write(sink, [streamChange({ after: first, position: 1 })]);
    const [{ _sluice: _, ...bare } = {}] = await stored();
    if (!hasGuard) await put(bare);
    return sink;
  };

  describe.each(variants)("with $name", (variant) => {
    test.each(corruptions)("%s: read shows it, and a repair mends it", async (_name, corrupt) => {
      const { sink, put, remove, stored } = await open(variant);
      await write(sink, [streamChange({ after: first, position: 1 })]);
      const [older = {}] = await stored();
      await write(sink, [streamChange({ before: first, after: second, position: 2 })]);
      const [item = {}] = await stored();
      const source = sourceOf(toImage(second), keyNames);
      const before = await compare(sink, origin, source);
      expect(before.held?.content).toEqual(before.expected);
      const corrupted = corrupt(item, older);
      await remove(item);
      if (corrupted !== undefined) await put(corrupted);
      const found = await compare(sink, origin, source);
      expect(isEqual(found)).toBe(false);
      expect(await repair(sink, origin, source, found.held)).toBe("delivered");
      expect(isEqual(await compare(sink, origin, source))).toBe(true);
      // A repeat of the stream does no harm, and its next change outranks the repair.
      await write(sink, [streamChange({ before: first, after: second, position: 2 })]);
      expect(isEqual(await compare(sink, origin, source))).toBe(true);
      expect(await write(sink, [streamChange({ before: second, after: first, position: 3 })])).toEqual(["delivered"]);
      expect(isEqual(await compare(sink, origin, sourceOf(toImage(first), keyNames)))).toBe(true);
    });

    test("the copy of an item that should have none is removed", async () => {
      const { sink } = await open(variant);
      await write(sink, [streamChange({ after: first, position: 1 })]);
      const source: SourceItem = { ...sourceOf(toImage(first), keyNames), isFiltered: true };
      const { held } = await compare(sink, origin, source);
      expect(held?.state).toBe("live");
      expect(await repair(sink, origin, source, held)).toBe("delivered");
      expect((await compare(sink, origin, source)).held?.state).toBe("removed");
    });

    test.each([true, false])(
      "a ghost is listed, and removed if its key tells where it is (guard: %s)",
      async (hasGuard) => {
        const sink = await openWithGhost(variant, hasGuard);
        const [key, ...others] = await allKeys(sink, keyTypes, { parts: 3, limit: 2 });
        expect(others).toEqual([]);
        const keys = { pk: { S: "a" }, sk: { S: "1" } };
        const version = hasGuard ? "20260102030405678-0000000000000000000100000000000078103991" : "";
        expect(key).toEqual({ keys: hasGuard || variant.tellsKey ? keys : undefined, version });
        const gone: SourceItem = { keys, item: undefined };
        const { held } = await compare(sink, origin, gone);
        expect(held?.state).toBe(variant.findsGhosts ? "live" : undefined);
        expect(await repair(sink, origin, gone, held)).toBe("delivered");
        if (variant.findsGhosts) expect(await allKeys(sink, keyTypes, { parts: 1, limit: 10 })).toEqual([]);
      },
    );
  });

  describe("items with one target key", () => {
    const [one, other] = [first, { ...first, sk: "2", total: 5 }];
    const openShared = async () => {
      const opened = await open({ keys: { pk: "S" }, options: { key: ["pk"] } });
      await write(opened.sink, [streamChange({ after: one, position: 1 })]);
      await write(opened.sink, [streamChange({ after: other, position: 2 })]);
      return opened;
    };
    const [older, newer] = [sourceOf(toImage(one), keyNames), sourceOf(toImage(other), keyNames)];

    test("read tells the shown, the hidden and the removed copy, in the order of the batch", async () => {
      const { sink } = await openShared();
      expect((await compare(sink, origin, older)).held).toMatchObject({ state: "hidden" });
      expect((await compare(sink, origin, newer)).held).toMatchObject({ state: "live" });
      await write(sink, [streamChange({ before: other, position: 3 })]);
      expect((await compare(sink, origin, newer)).held).toMatchObject({ state: "removed" });
      expect((await compare(sink, origin, older)).held).toMatchObject({ state: "live" });
      const third = sourceOf(toImage({ ...one, sk: "3" }), keyNames);
      expect((await compare(sink, origin, third)).held).toBeUndefined();
      const records = [third, newer, older].map(({ item = {} }) => backfillRecord(origin, item, microsOf(0)));
      const batch = records.map((record) => ({ change: decodeRecord(record), message: {} as never, earlier: [] }));
      const read = await sink.read?.(batch, newContext());
      expect(read?.map((held) => held?.state)).toEqual([undefined, "removed", "live"]);
    });

    test("a lost hidden copy is missing, and a repair hides it again", async () => {
      const { sink, stored, put } = await openShared();
      const [item = {}] = await stored();
      const { held: _, ...guard } = guardOf(item);
      await put({ ...item, _sluice: { M: guard } });
      expect((await compare(sink, origin, older)).held).toBeUndefined();
      expect(await repair(sink, origin, older, undefined)).toBe("delivered");
      expect((await compare(sink, origin, older)).held).toMatchObject({ state: "hidden" });
      await write(sink, [streamChange({ before: other, position: 3 })]);
      const again = await compare(sink, origin, older);
      expect(again.held?.content).toEqual(again.expected);
    });

    test("a guard with another owner is no copy of the item, and a repair of both mends it", async () => {
      const { sink, stored, put } = await openShared();
      const [item = {}] = await stored();
      const guard = guardOf(item);
      const stranger = ownerOf("stranger");
      await put({ ...item, _sluice: { M: { ...guard, o: { S: stranger } } } });
      expect((await compare(sink, origin, newer)).held).toBeUndefined();
      expect(await allKeys(sink, keyTypes, { parts: 1, limit: 10 })).toMatchObject([{ keys: undefined }]);
      expect(await repair(sink, origin, newer, undefined)).toBe("delivered");
      expect((await compare(sink, origin, newer)).held).toMatchObject({ state: "hidden" });
    });
  });

  test("keys lists every live item once over all parts and pages, and no tombstone", async () => {
    const { sink, put } = await open({ keys: { pk: "S", sk: "S" }, options: {} });
    const items = Array.from({ length: 60 }, (_, at) => ({ pk: `item-${at}`, sk: "1" }));
    await write(
      sink,
      items.map((after, at) => streamChange({ after, position: at + 1 })),
    );
    await write(
      sink,
      items.slice(0, 20).map((before, at) => streamChange({ before, position: at + 100 })),
    );
    await put({ pk: { S: "foreign" }, sk: { S: "1" } });
    const expected = [...items.slice(20).map(({ pk }) => pk), "foreign"].sort();
    for (const [parts, limit] of [
      [1, 1],
      [1, 7],
      [3, 7],
      [8, 1_000],
    ] as const) {
      const found = await allKeys(sink, keyTypes, { parts, limit });
      expect(found.map(({ keys }) => keys?.pk && "S" in keys.pk && keys.pk.S).sort()).toEqual(expected);
    }
  });

  test("keys inverts numbers and binary keys, also when a page starts at one", async () => {
    const { sink } = await open({ keys: { to: "B", n: "N" }, options: { key: { to: "bytes", n: "number" } } });
    const items = [0, 1, 255].map((byte) => ({
      bytes: new Uint8Array([byte, 200]),
      number: 1.5 * 10 ** (byte % 7),
      x: 1,
    }));
    const names = ["bytes", "number"];
    await write(
      sink,
      items.map((after, at) => streamChange({ after, keyNames: names, position: at + 1 })),
    );
    const found = await allKeys(sink, { bytes: "B", number: "N" }, { parts: 2, limit: 1 });
    expect(found).toHaveLength(3);
    for (const { keys = {} } of found) {
      const record = absenceRecord(originOf(names), keys, microsOf(0));
      const delivery = { change: decodeRecord(record), message: undefined, earlier: [] };
      expect((await sink.read?.([delivery], newContext()))?.[0]?.state).toBe("live");
    }
  });

  test('an "after" that keys did not return is refused', async () => {
    const { sink } = await open({ keys: { pk: "S", sk: "S" }, options: {} });
    const request = { part: 0, parts: 1, after: "x", limit: 1, keyTypes };
    await expect(sink.keys?.(request, newContext())).rejects.toThrow('"after" is not the end of a page');
  });

  test("canonical returns the error of a message that cannot be written", async () => {
    const { sink } = await open({ keys: { pk: "S", sk: "S" }, options: {} });
    const change = streamChange({ after: first });
    const batch = [{ n: Number.NaN }, { pk: "another" }, { ok: 1 }].map((message) => ({
      change,
      message,
      earlier: [],
    }));
    const [bad, contradicting, good] = (await sink.canonical?.(batch as never, newContext())) ?? [];
    expect(bad).toMatchObject({ code: "SINK_REJECTED" });
    expect(contradicting).toMatchObject({ code: "SINK_REJECTED" });
    expect(good).toEqual({ ok: '{"N":"1e0"}', pk: '{"S":"a"}', sk: '{"S":"1"}' });
  });

  test("more items than one request reads are read in several, and keys left unprocessed are read again", async () => {
    const { sink } = await open({ keys: { pk: "S", sk: "S" }, options: {} });
    const changes = Array.from({ length: 230 }, (_, at) => streamChange({ after: { pk: `i${at}`, sk: "1" } }));
    await write(sink, changes);
    const client = engine.client();
    let calls = 0;
    // DynamoDB Local always processes all keys.
    const sloppy = {
      send: async (command: never, options?: object) => {
        const { input } = command as { input: { RequestItems?: Record<string, { Keys: unknown[] }> } };
        const [table, asked] = Object.entries(input.RequestItems ?? {})[0] ?? [];
        if (table === undefined || asked === undefined) return client.send(command, options as never);
        calls += 1;
        const Keys = asked.Keys.slice(calls % 3 === 0 ? 0 : 40);
        const done = { ...asked, Keys: asked.Keys.slice(0, asked.Keys.length - Keys.length) };
        const UnprocessedKeys = Keys.length > 0 ? { [table]: { ...asked, Keys } } : {};
        if (done.Keys.length === 0) return { Responses: {}, UnprocessedKeys };
        Object.assign(input, { RequestItems: { [table]: done } });
        return { ...((await client.send(command, options as never)) as object), UnprocessedKeys };
      },
    };
    const table = sink.target.split(" | ")[1] ?? "";
    const reader = dynamodbSink({ client: sloppy, table, concurrency: 2 });
    const batch = changes.map((change) => ({ change, message: undefined, earlier: [] }));
    const read = (await reader.read?.(batch, newContext())) ?? [];
    expect(read.map((held) => held?.content?.pk)).toEqual(changes.map(({ keys }) => `{"S":"${keys.pk}"}`));
    expect(calls).toBeGreaterThan(6);
  });

  test("keys that DynamoDB never processes end as SINK_THROTTLED, and an abort ends the wait", async () => {
    const { table } = await open({ keys: { pk: "S", sk: "S" }, options: {} });
    const client = engine.client();
    const idle = {
      send: async (command: never, options?: object) => {
        const { input } = command as { input: { RequestItems?: object } };
        return input.RequestItems ? { UnprocessedKeys: input.RequestItems } : client.send(command, options as never);
      },
    };
    const reader = dynamodbSink({ client: idle, table });
    const batch = [{ change: streamChange({ after: first }), message: undefined, earlier: [] }];
    await expect(reader.read?.(batch, newContext())).rejects.toMatchObject({ code: "SINK_THROTTLED" });
    const controller = new AbortController();
    const reading = reader.read?.(batch, { signal: controller.signal, remainingMs: () => 1 });
    controller.abort();
    await expect(reading).rejects.toThrow(/time was over/);
    await expect(reader.read?.(batch, { signal: controller.signal, remainingMs: () => 1 })).rejects.toThrow(
      /time was over/,
    );
  });

  test("a failed request rejects with the error of a write", async () => {
    const { sink } = await open({ keys: { pk: "S", sk: "S" }, options: {} });
    const batch = [{ change: streamChange({ after: first }), message: undefined, earlier: [] }];
    await sink.read?.(batch, newContext());
    proxy.script((operation) =>
      operation === "DescribeTable" ? undefined : { status: 400, type: "AccessDeniedException" },
    );
    for (const call of [
      sink.read?.(batch, newContext()),
      sink.keys?.({ part: 0, parts: 1, after: undefined, limit: 5, keyTypes }, newContext()),
    ]) {
      const error: unknown = await call?.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(SinkError);
      expect(error).toMatchObject({ code: "SINK_DENIED" });
    }
    proxy.script(undefined);
  });

  const value = (): fc.Arbitrary<AttributeValue> =>
    fc.letrec<{ value: AttributeValue }>((tie) => ({
      value: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.string({ unit: "grapheme" }).map((S) => ({ S })),
        fc
          .tuple(fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n }), fc.integer({ min: -60, max: 60 }))
          .map(([digits, exponent]) => ({ N: `${digits}e${exponent}` })),
        fc.uint8Array().map((bytes) => ({ B: Buffer.from(bytes).toString("base64") })),
        fc.boolean().map((BOOL) => ({ BOOL })),
        fc.constant({ NULL: true as const }),
        fc.uniqueArray(fc.string({ unit: "grapheme", minLength: 1 }), { minLength: 1 }).map((SS) => ({ SS })),
        fc.uniqueArray(fc.integer(), { minLength: 1 }).map((numbers) => ({ NS: numbers.map((one) => `${one}.0`) })),
        fc
          .uniqueArray(fc.integer({ min: 0, max: 255 }), { minLength: 1 })
          .map((bytes) => ({ BS: bytes.map((byte) => Buffer.from([byte]).toString("base64")) })),
        fc.array(tie("value"), { maxLength: 4 }).map((L) => ({ L })),
        fc
          .dictionary(fc.oneof(fc.string({ unit: "grapheme", minLength: 1 }), fc.constant("__proto__")), tie("value"), {
            maxKeys: 4,
          })
          .map((M) => ({ M })),
      ),
    })).value;

  test("after write, read equals canonical; and another value differs", async () => {
    const { sink, table } = await open({ keys: { pk: "S", sk: "S" }, options: {} });
    let position = 0;
    const items = fc.array(fc.dictionary(fc.stringMatching(/^[a-e]$/), value()), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(items, value(), async (images, another) => {
        const batch = images.map((attributes, at) => {
          position += 1;
          const change = streamChange({ after: { pk: `p${at}`, sk: "1" }, position });
          return { change, message: attributeValues({ ...attributes, sk: { S: "1" } }) as never, earlier: [] };
        });
        const written = await sink.write(batch, newContext());
        expect(written.map(({ outcome }) => outcome)).toEqual(batch.map(() => "delivered"));
        const canonical = (await sink.canonical?.(batch, newContext())) ?? [];
        const read = (await sink.read?.(batch, newContext())) ?? [];
        expect(read.map((held) => held?.content)).toEqual(canonical);
        const image: Image = { pk: { S: "p0" }, sk: { S: "1" } };
        const stored = await direct.send(new GetItemCommand({ TableName: table, Key: { ...sdkItem(image) } }));
        await direct.send(
          new PutItemCommand({ TableName: table, Item: { ...stored.Item, z: sdkItem({ z: another }).z } as never }),
        );
        const [changed] = (await sink.read?.(batch.slice(0, 1), newContext())) ?? [];
        expect(Object.keys(changed?.content ?? {})).toContain("z");
      }),
      { numRuns: 60 },
    );
  });
});
