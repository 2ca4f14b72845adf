import { describe, expect, test } from "@jest/globals";
import { recordFilter } from "../../src/event-source-mapping/filter.ts";
import { change, rigWith } from "./rig.ts";

const record = {
  eventName: "MODIFY",
  dynamodb: {
    ApproximateCreationDateTime: 1_795_435_200,
    Keys: { pk: { S: "order#1" } },
    NewImage: {
      pk: { S: "order#1" },
      state: { S: "Paid" },
      total: { N: "12.50" },
      note: { S: "" },
      empty: { NULL: true },
      lines: { L: [{ S: "one" }, { M: { sku: { S: "two" } } }] },
      tags: { SS: ["red", "green"] },
    },
  },
};

const passes = (pattern: unknown): boolean => recordFilter({ filters: [{ pattern: JSON.stringify(pattern) }] })(record);

const image = (rules: unknown): unknown => ({ dynamodb: { NewImage: rules } });

describe("an event pattern", () => {
  test.each([
    ["an exact text", image({ state: { S: ["Paid"] } }), true],
    ["another text", image({ state: { S: ["Open"] } }), false],
    ["one text of several", image({ state: { S: ["Open", "Paid"] } }), true],
    ["an empty text", image({ note: { S: [""] } }), true],
    ["metadata", { eventName: ["INSERT", "MODIFY"] }, true],
    ["two members, of which one differs", { eventName: ["MODIFY"], eventSource: ["aws:kinesis"] }, false],
    ["a boolean", image({ empty: { NULL: [true] } }), true],
    ["null for a missing member", { userIdentity: [null] }, false],
    ["an attribute without its type letter", image({ state: ["Paid"] }), false],
    ["prefix", { dynamodb: { Keys: { pk: { S: [{ prefix: "order#" }] } } } }, true],
    ["suffix", { dynamodb: { Keys: { pk: { S: [{ suffix: "#2" }] } } } }, false],
    ["equals-ignore-case", image({ state: { S: [{ "equals-ignore-case": "PAID" }] } }), true],
    ["anything-but", image({ state: { S: [{ "anything-but": ["Open"] }] } }), true],
    ["anything-but the value", image({ state: { S: [{ "anything-but": ["Open", "Paid"] }] } }), false],
    ["anything-but a prefix", image({ state: { S: [{ "anything-but": { prefix: "Pa" } }] } }), false],
    ["anything-but of a missing member", image({ gone: { S: [{ "anything-but": ["Open"] }] } }), false],
    ["exists", image({ state: { S: [{ exists: true }] } }), true],
    ["exists of a missing member", image({ gone: { S: [{ exists: true }] } }), false],
    ["exists: false of a missing member", image({ gone: { S: [{ exists: false }] } }), true],
    ["exists: false below a missing member", { dynamodb: { OldImage: { pk: { S: [{ exists: false }] } } } }, true],
    ["exists of a map", image({ state: [{ exists: true }] }), false],
    ["exists in a list", image({ lines: { L: { S: [{ exists: true }] } } }), true],
    ["a map in a list", image({ lines: { L: { M: { sku: { S: ["two"] } } } } }), true],
    ["a member of a set", image({ tags: { SS: ["green"] } }), true],
    ["a text that is not in a set", image({ tags: { SS: ["blue"] } }), false],
    ["a number attribute by numeric, which never matches", image({ total: { N: [{ numeric: [">", 0] }] } }), false],
    ["a number attribute by its text", image({ total: { N: ["12.50"] } }), true],
    [
      "numeric on a JSON number",
      { dynamodb: { ApproximateCreationDateTime: [{ numeric: [">=", 1, "<", 2e9] }] } },
      true,
    ],
    ["numeric out of range", { dynamodb: { ApproximateCreationDateTime: [{ numeric: ["<", 1] }] } }, false],
    ["$or across members", { $or: [{ eventName: ["REMOVE"] }, image({ state: { S: ["Paid"] } })] }, true],
    ["$or without a match", { $or: [{ eventName: ["REMOVE"] }, { eventName: ["INSERT"] }] }, false],
    ["every record when the pattern is empty", {}, true],
  ])("matches as EventBridge does: %s", (_name, pattern, expected) => {
    expect(passes(pattern)).toBe(expected);
  });

  test.each([
    ["text that is not JSON", "{"],
    ["a list", "[]"],
    ["a bare value for a member", '{"eventName":"INSERT"}'],
    ["an empty list of rules", '{"eventName":[]}'],
    ["an unknown operator", '{"eventName":[{"like":"x"}]}'],
    ["two operators in one rule", '{"eventName":[{"prefix":"x","suffix":"y"}]}'],
    ["numeric without a number", '{"eventName":[{"numeric":[">","1"]}]}'],
    ["exists without a boolean", '{"eventName":[{"exists":"yes"}]}'],
    ["prefix without a string", '{"eventName":[{"prefix":1}]}'],
    ["$or without patterns", '{"$or":[]}'],
    ["more than 4,096 characters", JSON.stringify({ eventName: ["x".repeat(4096)] })],
  ])("is rejected when it is %s", (_name, pattern) => {
    expect(() => recordFilter({ filters: [{ pattern }] })).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining("filterCriteria") }),
    );
  });
});

describe("filters of a mapping", () => {
  const only = (...names: readonly string[]) => ({
    filters: names.map((name) => ({ pattern: JSON.stringify(image({ name: { S: [name] } })) })),
  });

  test("let a record pass when any of them matches, before batches are cut", async () => {
    const records = ["a", "b", "c", "d", "b"].map((name) => change(name));
    const rig = rigWith(records, undefined, { filterCriteria: only("b", "d"), batchSize: 2 });
    await rig.run();
    expect(rig.batches).toEqual([["b", "d"], ["b"]]);
    expect(rig.mapping.counters).toMatchObject({ polledEventCount: 5, filteredOutEventCount: 2, invokedEventCount: 3 });
  });

  test("advance the checkpoint past the records that they drop", async () => {
    const rig = rigWith([change("a"), change("b")], undefined, { filterCriteria: only("none") });
    await rig.run();
    await rig.run();
    expect(rig.mapping.counters).toMatchObject({ polledEventCount: 2, filteredOutEventCount: 2, invocations: 0 });
  });
});
