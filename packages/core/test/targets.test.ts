import { describe, expect, test } from "@jest/globals";
import { memoryAppendSink, memoryUpsertSink, streamRecord } from "@sluice/testing";
import { pipeline } from "../src/index.ts";
import { recordingLogger } from "./recording-logger.ts";

interface Item {
  readonly pk: string;
  readonly kind: string;
}

const base = () => pipeline<Item>("p", { onReject: "block", logger: recordingLogger() });
const insert = (kind: string) => streamRecord({ after: { pk: "a", sk: "1", kind }, viewType: "NEW_IMAGE" });
const remove = () => streamRecord({ before: { pk: "a", sk: "1" }, viewType: "NEW_IMAGE" });

/** Two routes with one target, a route with its own, and an append route. */
const shared = () => {
  const sink = memoryUpsertSink<string>({ name: "rows" });
  return base()
    .when(({ kind }) => kind === "order")
    .to(sink, () => "an order", { name: "orders" })
    .when(({ kind }) => kind !== "draft")
    .to(sink, ({ after }) => (after.kind === "none" ? undefined : `a ${after.kind}`), { name: "others" })
    .to(memoryUpsertSink<string>({ name: "index" }), () => "all", { removes: "keep", origins: ["stream"] })
    .to(memoryAppendSink({ name: "log" }), () => "x", { dedupe: "none" });
};

describe("the targets of a pipeline", () => {
  test("are those of its upsert routes; routes with one target are one entry", () => {
    expect(
      shared()
        .targets()
        .map(({ routes, sink, deletesRemoved, acceptsBackfills }) => [
          routes,
          sink.name,
          deletesRemoved,
          acceptsBackfills,
        ]),
    ).toEqual([
      [["orders", "others"], "rows", true, true],
      [["index"], "index", false, false],
    ]);
    expect(base().targets()).toEqual([]);
  });

  test.each([
    ["order", "orders", "an order"],
    ["user", "others", "a user"],
    ["draft", "orders", undefined],
    ["none", "orders", undefined],
  ])("should hold of an item of kind %s what the first route with a message says", (kind, route, message) => {
    const [target] = shared().targets();
    const expected = target?.expect(insert(kind));
    expect([expected?.route, expected?.delivery.message, expected?.error]).toEqual([route, message, undefined]);
  });

  test("should hold nothing of an item that does not exist", () => {
    for (const target of shared().targets()) expect(target.expect(remove()).delivery.message).toBeUndefined();
  });

  test("should hold nothing of a tombstone that another pipeline left in the source", () => {
    const tombstone = streamRecord({ after: { pk: "a", sk: "1", kind: "order", _sluice: { v: "1", removed: true } } });
    const [target] = shared().targets();
    expect(target?.expect(tombstone).delivery.message).toBeUndefined();
  });

  test("say why the pipeline rejects an item", () => {
    const [target] = base()
      .to(memoryUpsertSink(), () => {
        throw new Error("no");
      })
      .targets();
    expect(target?.expect(insert("order")).error).toMatchObject({ code: "MAPPING_FAILED" });
  });

  test("refuse a record of a table that the pipeline does not replicate", () => {
    const [target] = pipeline("p", { onReject: "block", source: "Orders", logger: recordingLogger() })
      .to(memoryUpsertSink(), () => 1)
      .targets();
    expect(target?.expect(insert("order")).delivery.message).toBe(1);
    const other = streamRecord({ after: { pk: "a" }, tableName: "Other" });
    expect(() => target?.expect(other)).toThrow(expect.objectContaining({ code: "RECORD_FOREIGN" }));
  });
});
