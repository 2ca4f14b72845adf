// What an ingest pipeline does to single documents: it refuses, drops or fails. Also pipelines that fail for every
// document, which is the target's fault.

import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Client } from "@opensearch-project/opensearch";
import { streamChange } from "@sluice/testing";
import { type OpensearchSink, opensearchSink } from "../src/index.ts";
import { apiOf, hitsOf, newIndex, withoutGuard } from "./support/api.ts";
import { deliveryOf, outcomesOf } from "./support/outcomes.ts";
import { testSettings } from "./support/rig.ts";
import { describeWithEachIngestServer } from "./support/servers.ts";

const change = (pk: string, title: string | undefined, position: number, kind: "insert" | "modify" = "insert") => {
  const item = { pk, ...(title !== undefined && { title }) };
  return streamChange({ keyNames: ["pk"], after: item, position, ...(kind === "modify" && { before: { pk } }) });
};

/** Refuses, drops or fails by the document's title. Fails for a document without a title, such as a tombstone. */
const processors = [
  { fail: { if: "ctx.title == 'refused'", message: "confidential-7f3a" } },
  { drop: { if: "ctx.title == 'dropped'" } },
  { script: { if: "ctx.title == 'divided'", source: "int zero = 0; ctx.count = 1 / zero" } },
  { script: { source: "ctx.size = ctx.title.length()" } },
];

await describeWithEachIngestServer("ingest pipelines", ({ url }) => {
  const api = apiOf(url);
  let client: Client;

  beforeAll(async () => {
    client = new Client({ node: url });
    expect((await api("PUT", "/_ingest/pipeline/by-title", { processors })).status).toBe(200);
    const titlesOnly = [{ script: { if: "ctx.title != null", source: "ctx.size = ctx.title.length()" } }];
    expect((await api("PUT", "/_ingest/pipeline/titles-only", { processors: titlesOnly })).status).toBe(200);
  });

  afterAll(() => client.close());

  const open = async (settings: object): Promise<{ sink: OpensearchSink; index: string }> => {
    const index = newIndex();
    const sink = opensearchSink({ client, index, settings: { ...testSettings, ...settings } });
    await sink.ensure();
    return { sink, index };
  };

  const idsIn = async (index: string): Promise<readonly string[]> =>
    (await hitsOf(api, index)).map(({ _id }) => _id).sort();

  const titles = ["one", "refused", "two", "dropped", "divided", "refused", "three", "dropped"];
  const expected = titles.map((title) =>
    ["refused", "dropped", "divided"].includes(title) ? "SINK_REJECTED" : "delivered",
  );
  const written = ["item-0", "item-2", "item-6"];

  for (const [name, settings] of [
    ["a default pipeline", { default_pipeline: "by-title" }],
    ["a final pipeline", { final_pipeline: "by-title" }],
  ] as const) {
    for (const kind of ["insert", "modify"] as const) {
      test(`${name} rejects exactly the documents that it refuses, as ${kind}`, async () => {
        const { sink, index } = await open(settings);
        const batch = titles.map((title, at) => deliveryOf(change(`item-${at}`, title, 1, kind)));
        expect(await outcomesOf(sink, batch)).toEqual(expected);
        expect(await idsIn(index)).toEqual(written);
      });
    }
  }

  test("a rejected document does not count as written, and its next change is delivered", async () => {
    const { sink, index } = await open({ default_pipeline: "by-title" });
    const batch = ["dropped", "fine"].map((title, at) => deliveryOf(change(`item-${at}`, title, 1)));
    expect(await outcomesOf(sink, batch)).toEqual(["SINK_REJECTED", "delivered"]);
    expect(await outcomesOf(sink, [deliveryOf(change("item-0", "fine", 2, "modify"))])).toEqual(["delivered"]);
    expect(await idsIn(index)).toEqual(["item-0", "item-1"]);
  });

  test("a default pipeline that fails for a tombstone does not prevent removals", async () => {
    const { sink, index } = await open({ default_pipeline: "by-title" });
    expect(await outcomesOf(sink, [deliveryOf(change("held", "fine", 1))])).toEqual(["delivered"]);
    const removals = ["held", "never"].map((pk) =>
      deliveryOf(streamChange({ keyNames: ["pk"], before: { pk }, position: 2 })),
    );
    expect(await outcomesOf(sink, removals)).toEqual(["delivered", "delivered"]);
    expect(await idsIn(index)).toEqual([]);
    expect(await idsIn(`${index}-000001`)).toEqual(["held", "never"]);
    expect(await outcomesOf(sink, [deliveryOf(change("never", "fine", 1))])).toEqual(["superseded"]);
  });

  test("a document that is refused alone is retried, because the pipeline may refuse every document", async () => {
    const { sink } = await open({ default_pipeline: "by-title" });
    expect(await outcomesOf(sink, [deliveryOf(change("a", "refused", 1))])).toEqual(["SINK_UNAVAILABLE"]);
    expect(await outcomesOf(sink, [deliveryOf(change("a", "divided", 1))])).toEqual(["SINK_MISSING"]);
  });

  test("a pipeline that refuses every document rejects none, also while removals succeed", async () => {
    const { sink, index } = await open({ default_pipeline: "by-title" });
    const refused = ["a", "b", "c"].map((pk) => deliveryOf(change(pk, "refused", 1)));
    const removal = deliveryOf(streamChange({ keyNames: ["pk"], before: { pk: "d" }, position: 2 }));
    expect(await outcomesOf(sink, [...refused, removal])).toEqual([...Array(3).fill("SINK_UNAVAILABLE"), "delivered"]);
    await api("PUT", `/${index}-000001/_settings`, { default_pipeline: null });
    expect(await outcomesOf(sink, refused)).toEqual(Array(3).fill("delivered"));
  });

  test("a missing pipeline rejects no document, and all are written after the pipeline exists", async () => {
    const { sink, index } = await open({ default_pipeline: "missing" });
    const batch = [change("a", "one", 1), change("b", "two", 2, "modify"), change("c", "three", 3)].map((one) =>
      deliveryOf(one),
    );
    expect(await outcomesOf(sink, batch)).toEqual(Array(3).fill("SINK_MISSING"));
    await api("PUT", `/${index}-000001/_settings`, { default_pipeline: "by-title" });
    expect(await outcomesOf(sink, batch)).toEqual(Array(3).fill("delivered"));
  });

  test("errors name the type and quote no text of the pipeline", async () => {
    const { sink } = await open({ default_pipeline: "by-title" });
    const results = await sink.write(
      ["refused", "fine"].map((title, at) => deliveryOf(change(`item-${at}`, title, 1))),
      { signal: new AbortController().signal, remainingMs: () => 60_000 },
    );
    const texts = results.map((one) => (one.outcome === "failed" ? one.error.message : ""));
    expect(texts.join()).toContain("500 fail_processor_exception");
    expect(texts.join()).not.toContain("confidential");
  });

  for (const [name, settings] of [
    ["default", { default_pipeline: "by-title" }],
    ["final", { final_pipeline: "by-title" }],
  ] as const) {
    test(`each document has the additions of a ${name} pipeline, whatever the change and its history`, async () => {
      const { sink, index } = await open(settings);
      const other = opensearchSink({ client, index });
      const expectTitle = async (title: string): Promise<void> => {
        expect((await hitsOf(api, index)).map(({ _source }) => withoutGuard(_source))).toEqual([
          { pk: "a", title, size: title.length },
        ]);
      };
      const steps = [
        [sink, change("a", "four", 1), "delivered"],
        [sink, change("a", "fifth", 2, "modify"), "delivered"],
        [other, change("a", "sixths", 3, "modify"), "delivered"],
        [sink, change("a", "seventh", 4, "modify"), "delivered"],
        [sink, change("a", "seventh", 4, "modify"), "superseded"],
        [other, change("a", "fifth", 2, "modify"), "superseded"],
      ] as const;
      let newest = "";
      for (const [writer, one, outcome] of steps) {
        expect(await outcomesOf(writer, [deliveryOf(one)])).toEqual([outcome]);
        if (outcome === "delivered") newest = String(one.after?.title);
        await expectTitle(newest);
      }
    });

    test(`after a removal, a document has the additions of a ${name} pipeline again`, async () => {
      // A final pipeline sees tombstones, too, so this one takes them.
      const { sink, index } = await open(name === "final" ? { final_pipeline: "titles-only" } : settings);
      await outcomesOf(sink, [deliveryOf(change("a", "four", 1))]);
      const removal = streamChange({ keyNames: ["pk"], before: { pk: "a" }, position: 2 });
      expect(await outcomesOf(sink, [deliveryOf(removal)])).toEqual(["delivered"]);
      expect(await idsIn(index)).toEqual([]);
      expect(await outcomesOf(sink, [deliveryOf(change("a", "stale", 1, "modify"))])).toEqual(["superseded"]);
      expect(await outcomesOf(sink, [deliveryOf(change("a", "eight", 3))])).toEqual(["delivered"]);
      expect((await hitsOf(api, index)).map(({ _source }) => withoutGuard(_source))).toEqual([
        { pk: "a", title: "eight", size: 5 },
      ]);
    });
  }

  test("environments that write the same items at the same time end with the newest, and with the additions", async () => {
    const { sink, index } = await open({ default_pipeline: "by-title" });
    const writers = [sink, ...Array.from({ length: 3 }, () => opensearchSink({ client, index }))];
    const pks = Array.from({ length: 20 }, (_, at) => `item-${at}`);
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(
        writers.map((writer, at) => {
          const position = 1 + round * 10 + ((at * 3 + round) % 4);
          const title = "x".repeat(position);
          return outcomesOf(
            writer,
            pks.map((pk) => deliveryOf(change(pk, title, position, "modify"))),
          );
        }),
      );
    }
    const hits = await hitsOf(api, index);
    expect(hits.map(({ _id }) => _id).sort()).toEqual([...pks].sort());
    expect(new Set(hits.map(({ _source }) => _source.size))).toEqual(new Set([44]));
  });

  test("a pipeline's additions are in a document that is created", async () => {
    const { sink, index } = await open({ default_pipeline: "by-title" });
    await outcomesOf(sink, [deliveryOf(change("a", "four", 1))]);
    expect((await hitsOf(api, index)).map(({ _source }) => withoutGuard(_source))).toEqual([
      { pk: "a", title: "four", size: 4 },
    ]);
  });
});
