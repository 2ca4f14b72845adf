// Tests `read`, `canonical` and `keys` on real servers: each kind of corruption is seen, and a repair mends it.

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Client } from "@opensearch-project/opensearch";
import { backfillRecord, microsOf } from "@sluice/backfill";
import { type Change, decodeRecord, SinkError } from "@sluice/core/sink-kit";
import { type PlainItem, streamChange, toImage } from "@sluice/testing";
import fc from "fast-check";
import { type OpensearchSink, type OpensearchSinkOptions, opensearchSink } from "../src/index.ts";
import { apiOf, newIndex } from "./support/api.ts";
import { allKeys, compare, originOf, repair, type SourceItem, sourceOf } from "./support/compare.ts";
import { deliveryOf, newContext, outcomesOf } from "./support/outcomes.ts";
import { testSettings } from "./support/rig.ts";
import { describeWithEachIngestServer } from "./support/servers.ts";

const keyNames = ["pk", "sk"];
const keyTypes = { pk: "S", sk: "S" } as const;
const origin = originOf(keyNames);

const first: PlainItem = { pk: "a", sk: "1", total: 1, tags: new Set(["x", "y"]), at: "one" };
const second: PlainItem = { ...first, total: 2 };

const isEqual = ({ held, expected }: Awaited<ReturnType<typeof compare>>): boolean =>
  expected === undefined
    ? held === undefined || held.state === "removed"
    : held?.state === "live" && JSON.stringify(sorted(held.content)) === JSON.stringify(sorted(expected));

const sorted = (content: object = {}) => Object.entries(content).sort(([one], [other]) => (one < other ? -1 : 1));

interface Guarded {
  readonly _sluice?: { readonly version?: unknown; readonly deleted?: unknown };
  readonly [member: string]: unknown;
}

/** Returns the document to store instead; undefined: the document is deleted. */
type Corruption = (document: Guarded, older: Guarded) => Guarded | undefined;

const corruptions: readonly (readonly [name: string, Corruption])[] = [
  ["the document is deleted", () => undefined],
  ["a value is changed", (document) => ({ ...document, total: 17 })],
  ["an entry of a list is lost", (document) => ({ ...document, tags: ["x"] })],
  ["a member is added", (document) => ({ ...document, extra: null })],
  ["a member is lost", ({ total: _, ...document }) => document],
  ["an older state is restored with its older version", (_, older) => older],
  ["the guard is removed, and a value is changed", ({ _sluice: _, ...document }) => ({ ...document, total: 17 })],
  ["the guard has no version", (document) => ({ ...document, total: 3, _sluice: { version: 5 } })],
  [
    "the document is marked as removed",
    (document) => ({ ...document, _sluice: { ...document._sluice, deleted: true } }),
  ],
  [
    "a text marks the document as removed",
    (document) => ({ ...document, _sluice: { ...document._sluice, deleted: "true" } }),
  ],
  ["there is a tombstone", ({ _sluice }) => ({ _sluice: { ..._sluice, deleted: true, deletedAt: 1 } })],
  ["the guard has only the mark of a removal", (document) => ({ ...document, _sluice: { deleted: true } })],
];

const change = (pk: string, [from, to]: readonly [string | undefined, string | undefined], position: number): Change =>
  streamChange({
    ...(from !== undefined && { before: { pk, sk: "1", at: from } }),
    ...(to !== undefined && { after: { pk, sk: "1", at: to } }),
    position,
  });

await describeWithEachIngestServer("comparing and repairing", ({ url }) => {
  const api = apiOf(url);
  let client: Client;

  beforeAll(() => {
    client = new Client({ node: url });
  });

  afterAll(() => client.close());

  const open = async (options: Partial<OpensearchSinkOptions> = {}) => {
    const index = newIndex();
    const all = { client, index, settings: testSettings, ...options };
    const sink = opensearchSink(all);
    await sink.ensure();
    const at = (id: string, routing?: string) =>
      `/${index}-000001/_doc/${encodeURIComponent(id)}${routing === undefined ? "" : `?routing=${routing}`}`;
    return {
      ...{ sink, index },
      /** Another environment, which remembers nothing. */
      another: () => opensearchSink(all),
      get: async (id: string, routing?: string) => (await api("GET", at(id, routing))).body._source as Guarded,
      put: (id: string, document: object, routing?: string) => api("PUT", at(id, routing), document),
      remove: (id: string, routing?: string) => api("DELETE", at(id, routing)),
    };
  };

  const write = (sink: OpensearchSink, changes: readonly Change[]) =>
    outcomesOf(
      sink,
      changes.map((one) => deliveryOf(one)),
    );

  describe.each(["the environment that wrote", "another environment"])("by %s", (by) => {
    test.each(corruptions)("%s: read shows it, and a repair mends it", async (_name, corrupt) => {
      const { sink, get, put, remove, another } = await open();
      await write(sink, [streamChange({ after: first, position: 1 })]);
      const older = await get("a|1");
      await write(sink, [streamChange({ before: first, after: second, position: 2 })]);
      const document = await get("a|1");
      const source = sourceOf(toImage(second), keyNames);
      expect(isEqual(await compare(sink, origin, source))).toBe(true);
      const corrupted = corrupt(document, older);
      if (corrupted === undefined) await remove("a|1");
      else await put("a|1", corrupted);
      const mender = by === "another environment" ? another() : sink;
      const found = await compare(mender, origin, source);
      expect(isEqual(found)).toBe(false);
      expect(await repair(mender, origin, source, found.held)).toBe("delivered");
      expect(isEqual(await compare(mender, origin, source))).toBe(true);
      // A repeat of the stream does no harm, and its next change outranks the repair, in each environment.
      await write(sink, [streamChange({ before: first, after: second, position: 2 })]);
      expect(isEqual(await compare(sink, origin, source))).toBe(true);
      expect(await write(sink, [streamChange({ before: second, after: first, position: 3 })])).toEqual(["delivered"]);
      expect(isEqual(await compare(sink, origin, sourceOf(toImage(first), keyNames)))).toBe(true);
    });
  });

  test("a backfill restores what was deleted or made older, although the environment remembers its writes", async () => {
    const { sink, get, put, remove } = await open();
    const items = ["a", "b"].map((pk) => ({ ...first, pk }));
    await write(
      sink,
      items.map((after) => streamChange({ after, position: 5 })),
    );
    const { _sluice: _, ...bare } = await get("b|1");
    await remove("a|1");
    await put("b|1", { ...bare, total: 17 });
    const backfilled = items.map((item) =>
      deliveryOf(decodeRecord(backfillRecord(origin, toImage(item), microsOf(Date.now())), "backfill")),
    );
    expect(await outcomesOf(sink, backfilled)).toEqual(["delivered", "delivered"]);
    for (const item of items) {
      expect(isEqual(await compare(sink, origin, sourceOf(toImage(item), keyNames)))).toBe(true);
    }
  });

  test("the document of an item that should have none is removed", async () => {
    const { sink } = await open();
    await write(sink, [streamChange({ after: first })]);
    const source: SourceItem = { ...sourceOf(toImage(first), keyNames), isFiltered: true };
    const { held } = await compare(sink, origin, source);
    expect(held?.state).toBe("live");
    expect(await repair(sink, origin, source, held)).toBe("delivered");
    expect((await compare(sink, origin, source)).held?.state).toBe("removed");
  });

  test.each([true, false])("a ghost is listed and removed (guard: %s)", async (hasGuard) => {
    const { sink, put } = await open();
    const version = "20260102030405678-0000000000000000000000000000000000000007";
    await put("a|1", { total: 1, ...(hasGuard && { _sluice: { version } }) });
    const keys = { pk: { S: "a" }, sk: { S: "1" } };
    const held = { keys, version: hasGuard ? version : "" };
    expect(await allKeys(sink, keyTypes, { parts: 2, limit: 1 })).toEqual([held]);
    const gone: SourceItem = { keys, item: undefined };
    expect(await repair(sink, origin, gone, (await compare(sink, origin, gone)).held)).toBe("delivered");
    expect(await allKeys(sink, keyTypes, { parts: 1, limit: 5 })).toEqual([]);
  });

  describe("with a routing", () => {
    const settings = { ...testSettings, number_of_shards: 5 };
    const places = ["one", "two", "three", "four", "five", "six"];
    const item = { pk: "a", sk: "1", at: "one" };
    const source = sourceOf(toImage(item), keyNames);
    const shown = async (index: string): Promise<readonly unknown[]> => {
      await api("POST", `/${index}/_refresh`);
      const { body } = await api("POST", `/${index}/_search`, {});
      return (body as { hits: { hits: { _routing?: string; _source: { at?: string } }[] } }).hits.hits.map(
        ({ _routing, _source }) => [_routing, _source.at],
      );
    };

    test.each(places)("a document that also lies under the routing %s is seen, and removed", async (place) => {
      const { sink, put, index } = await open({ routing: "at", settings });
      await write(sink, [change("a", [undefined, "one"], 3)]);
      expect(isEqual(await compare(sink, origin, source))).toBe(true);
      const version = "20260102030405678-0000000000000000000500000000000078103991";
      // At "one", or at a routing of the same shard, this replaces the document.
      await put("a|1", { at: place, _sluice: { version } }, place);
      const found = await compare(sink, origin, source);
      expect(isEqual(found)).toBe(false);
      expect(found.held).toMatchObject({ state: "live", version });
      expect(await repair(sink, origin, source, found.held)).toBe("delivered");
      expect(await shown(index)).toEqual([["one", "one"]]);
      expect(isEqual(await compare(sink, origin, source))).toBe(true);
    });

    test.each(["two", undefined])("a document that lies only under the routing %s is moved", async (place) => {
      const { sink, put, index } = await open({ routing: "at", settings });
      await put("a|1", { at: "x", pk: "a" }, place);
      const found = await compare(sink, origin, source);
      expect(found.held?.content).toEqual({ at: '"x"', pk: '"a"', _routing: JSON.stringify([place ?? null]) });
      expect(await repair(sink, origin, source, found.held)).toBe("delivered");
      expect(await shown(index)).toEqual([["one", "one"]]);
    });

    test("ghosts are found and removed wherever they are", async () => {
      const { sink, put, index } = await open({ routing: "at", settings });
      for (const place of places.slice(0, 3)) await put("a|1", { at: place }, place);
      const before = (await shown(index)).length;
      const listed = await allKeys(sink, keyTypes, { parts: 3, limit: 1 });
      expect(listed).toEqual(Array(before).fill({ keys: source.keys, version: "" }));
      const gone: SourceItem = { keys: source.keys, item: undefined };
      const { held } = await compare(sink, origin, gone);
      expect(held?.state).toBe("live");
      expect(await repair(sink, origin, gone, held)).toBe("delivered");
      expect(await shown(index)).toEqual([]);
      expect((await compare(sink, origin, gone)).held).toBeUndefined();
      expect(await repair(sink, origin, gone, undefined)).toBe("superseded");
    });

    test("the document of an item that should have none is removed at each place", async () => {
      const { sink, put, index } = await open({ routing: "at", settings });
      await write(sink, [change("a", [undefined, "one"], 3)]);
      await put("a|1", { at: "two" }, "two");
      const filtered: SourceItem = { ...source, isFiltered: true };
      const { held } = await compare(sink, origin, filtered);
      expect(await repair(sink, origin, filtered, held)).toBe("delivered");
      expect(await shown(index)).toEqual([]);
      expect((await compare(sink, origin, filtered)).held?.state).toBe("removed");
    });

    test("a dry run of a repair needs no old image", async () => {
      const { sink } = await open({ routing: "at", settings });
      await write(sink, [change("a", [undefined, "one"], 3)]);
      const { held } = await compare(sink, origin, source);
      const dry = { ...sink, write: sink.dryRun as OpensearchSink["write"] };
      expect(await repair(dry, origin, source, held)).toBe("delivered");
      expect(await repair(dry, origin, { keys: { pk: { S: "none" }, sk: { S: "1" } }, item: undefined }, held)).toBe(
        "superseded",
      );
    });

    test("a stream without old images is still refused", async () => {
      const { sink } = await open({ routing: "at", settings });
      const bare = streamChange({ before: item, after: { ...item, at: "two" }, viewType: "NEW_IMAGE" });
      expect(await write(sink, [bare])).toEqual(["RECORD_INCOMPLETE"]);
    });

    test("a routing by the key, which the index requires", async () => {
      const mappings = { _routing: { required: true } };
      const { sink, put, index } = await open({ routing: "pk", settings, mappings });
      await write(sink, [change("a", [undefined, "one"], 3)]);
      expect(isEqual(await compare(sink, origin, source))).toBe(true);
      await put("a|1", { at: "stray" }, "stray");
      const found = await compare(sink, origin, source);
      expect(isEqual(found)).toBe(false);
      await repair(sink, origin, source, found.held);
      expect(await shown(index)).toEqual([["a", "one"]]);
    });
  });

  test("keys lists every live document once over all parts and pages, and no tombstone", async () => {
    for (const shards of [1, 4]) {
      const { sink } = await open({ settings: { ...testSettings, number_of_shards: shards } });
      const items = Array.from({ length: 60 }, (_, at) => ({ pk: `item|${at}`, sk: "%" }));
      await write(
        sink,
        items.map((after, at) => streamChange({ after, position: at + 1 })),
      );
      await write(
        sink,
        items.slice(0, 20).map((before, at) => streamChange({ before, position: at + 100 })),
      );
      const expected = items
        .slice(20)
        .map(({ pk }) => pk)
        .sort();
      for (const [parts, limit] of [
        [1, 1],
        [1, 7],
        [3, 7],
        [8, 1_000],
      ] as const) {
        const found = await allKeys(sink, keyTypes, { parts, limit });
        expect(found.map(({ keys }) => keys?.pk && "S" in keys.pk && keys.pk.S).sort()).toEqual(expected);
      }
    }
  });

  test("keys misses no document that is written again between pages", async () => {
    const { sink } = await open();
    const items = Array.from({ length: 20 }, (_, at) => ({ pk: `item-${String(at).padStart(2, "0")}`, sk: "1" }));
    await write(
      sink,
      items.map((after, at) => streamChange({ after, position: at + 1 })),
    );
    const found = new Set<unknown>();
    let after: string | undefined;
    let page = 0;
    do {
      const read = await sink.keys?.({ part: 0, parts: 1, after, limit: 3, keyTypes }, newContext());
      for (const { keys } of read?.keys ?? []) found.add(JSON.stringify(keys));
      after = read?.next;
      page += 1;
      const one = items[19 - page] ?? { pk: "x", sk: "1" };
      if (page < 8) await write(sink, [streamChange({ before: one, after: { ...one, page }, position: 100 + page })]);
    } while (after !== undefined && page < 50);
    expect(found.size).toBe(20);
  });

  test("keys finds the key of each type, and of an _id that is a hash", async () => {
    const { sink, put } = await open();
    const long = "long|".repeat(200);
    const items: readonly PlainItem[] = [
      { pk: "", sk: 1.5, b: new Uint8Array([0, 255, 7]) },
      { pk: "%7C|#~", sk: -3, b: new Uint8Array([1]) },
      { pk: "#~x", sk: 0, b: new Uint8Array([255]) },
      { pk: long, sk: 12_000_000, b: new Uint8Array([2]) },
    ];
    const names = ["pk", "sk", "b"];
    await write(
      sink,
      items.map((after, at) => streamChange({ after, keyNames: names, position: at + 1 })),
    );
    await put("foreign", { a: 1 });
    await put("~AA==|x|#1", { a: 1 });
    const found = await allKeys(sink, { pk: "S", sk: "N", b: "B" }, { parts: 1, limit: 2 });
    const texts = found.map(({ keys }) => JSON.stringify(keys && sorted(keys))).sort();
    const expected = items.map((item) => JSON.stringify(sorted(toImage(item)))).sort();
    expect(texts).toEqual([...expected, undefined, undefined]);
  });

  test("canonical returns the error of a document that cannot be written", async () => {
    const { sink } = await open();
    const given = streamChange({ after: first });
    const batch = [{ n: Number.NaN }, { _sluice: 1 }, { ok: 1, big: 2n ** 60n }].map((one) => deliveryOf(given, one));
    const [bad, guard, good] = (await sink.canonical?.(batch, newContext())) ?? [];
    expect(bad).toMatchObject({ code: "MAPPING_FAILED" });
    expect(guard).toMatchObject({ code: "SINK_REJECTED" });
    expect(good).toEqual({ ok: "1", big: '"1152921504606846976"' });
  });

  test("canonical passes documents through the ingest pipelines of the index", async () => {
    const names = [newIndex(), newIndex()] as const;
    const upper = { uppercase: { field: "note", ignore_missing: true } };
    await api("PUT", `/_ingest/pipeline/${names[0]}`, {
      processors: [{ fail: { if: "ctx.total == 13", message: "no" } }, { drop: { if: "ctx.total == 14" } }, upper],
    });
    await api("PUT", `/_ingest/pipeline/${names[1]}`, { processors: [{ set: { field: "seen", value: "yes" } }] });
    const { sink } = await open({
      settings: { ...testSettings, default_pipeline: names[0], final_pipeline: names[1] },
    });
    const items = [1, 13, 14, 2].map((total) => ({ ...first, pk: `p${total}`, total, note: "hello" }));
    const batch = items.map((after) => deliveryOf(streamChange({ after })));
    const canonical = (await sink.canonical?.(batch, newContext())) ?? [];
    const outcomes = await outcomesOf(sink, batch);
    expect(outcomes).toEqual(["delivered", "SINK_REJECTED", "SINK_REJECTED", "delivered"]);
    expect(canonical.map((one) => ("code" in one ? one.code : "delivered"))).toEqual(outcomes);
    const read = (await sink.read?.(batch, newContext())) ?? [];
    expect(read[0]?.content).toEqual(canonical[0]);
    expect(read[3]?.content).toEqual(canonical[3]);
    expect(canonical[0]).toMatchObject({ note: '"HELLO"', seen: '"yes"' });
  });

  test("without its alias, and after an abort, each method rejects with a SinkError", async () => {
    const sink = opensearchSink({ client, index: newIndex() });
    const batch = [deliveryOf(streamChange({ after: first }))];
    const request = { part: 0, parts: 1, after: undefined, limit: 5, keyTypes };
    await expect(sink.read?.(batch, newContext())).rejects.toMatchObject({ code: "SINK_MISSING" });
    await expect(sink.keys?.(request, newContext())).rejects.toMatchObject({ code: "SINK_MISSING" });
    const aborted = { signal: AbortSignal.abort(), remainingMs: () => 0 };
    await expect(sink.read?.(batch, aborted)).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    await expect(sink.canonical?.(batch, aborted)).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    await expect(sink.keys?.(request, aborted)).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    const { sink: other } = await open();
    await expect(other.keys?.({ ...request, after: "x" }, newContext())).rejects.toBeInstanceOf(SinkError);
  });

  const value = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.string({ unit: "grapheme" }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n }),
      fc.constantFrom(-0, 1e21, 1e-7, 2 ** 53, "2026-01-02T03:04:05.678+02:00", "\ud800"),
      fc.boolean(),
      fc.constant(null),
      fc.date({ noInvalidDate: true }),
      fc.uint8Array(),
      fc.uniqueArray(fc.string(), { minLength: 1 }).map((texts) => new Set(texts)),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(
        fc.oneof(fc.stringMatching(/^[a-z]{1,3}$/), fc.constantFrom("__proto__", "constructor")),
        tie("value"),
        { maxKeys: 4 },
      ),
    ),
  })).value;

  test("after write, read equals canonical; and another value differs", async () => {
    const { sink, get, put } = await open({ mappings: { dynamic: false } });
    let position = 0;
    const documents = fc.array(fc.dictionary(fc.oneof(fc.stringMatching(/^[a-e]$/), fc.constant("__proto__")), value), {
      minLength: 1,
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(documents, fc.boolean(), async (messages, isModified) => {
        const batch = messages.map((message, at) => {
          position += 1;
          const after = { pk: `p${at}`, sk: "1" };
          return deliveryOf(streamChange({ after, ...(isModified && { before: after }), position }), message);
        });
        expect(await outcomesOf(sink, batch)).toEqual(batch.map(() => "delivered"));
        const canonical = (await sink.canonical?.(batch, newContext())) ?? [];
        const read = (await sink.read?.(batch, newContext())) ?? [];
        expect(read.map((held) => held?.content)).toEqual(canonical);
        await put("p0|1", { ...(await get("p0|1")), z: 1 });
        const [changed] = (await sink.read?.(batch.slice(0, 1), newContext())) ?? [];
        expect(changed?.content).not.toEqual(canonical[0]);
      }),
      { numRuns: 60 },
    );
  });
});
