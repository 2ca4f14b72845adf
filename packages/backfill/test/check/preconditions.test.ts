// Which facts let a run start, and what the refusals say.

import { describe, expect, test } from "@jest/globals";
import { type CheckName, liveFacts, type MappingFacts, type RunFacts, refusals } from "../../src/index.ts";

const now = Date.parse("2026-11-28T08:00:00Z");
const hour = 3_600_000;

const streamArn = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/2026-11-20T00:00:00.000";

const mapping: MappingFacts = {
  functionName: "orders-sync",
  state: "Enabled",
  startingPosition: "TRIM_HORIZON",
  lastModifiedMs: now - 60_000,
};

const facts: RunFacts = {
  table: { name: "orders", streamArn, streamViewType: "NEW_AND_OLD_IMAGES" },
  live: { kind: "mappings", functionName: undefined, mappings: [mapping] },
  exported: undefined,
  sample: { records: 100, failures: 0, example: undefined },
  ahead: [],
  now,
};

const withTable = (change: Partial<RunFacts["table"]>): RunFacts => ({
  ...facts,
  table: { ...facts.table, ...change },
});

const withMappings = (...changes: Partial<MappingFacts>[]): RunFacts => ({
  ...facts,
  live: { kind: "mappings", functionName: undefined, mappings: changes.map((change) => ({ ...mapping, ...change })) },
});

const withExport = (exportTimeMs: number, base: RunFacts = facts): RunFacts => ({
  ...base,
  exported: { exportTimeMs },
});

const failing = { code: "MAPPING_FAILED", message: "[orders] the mapper threw", route: "orders" };

/** A stream and a mapping that are older than any export. */
const old: RunFacts = {
  ...withTable({ streamArn: streamArn.replace("2026-11-20", "2026-01-01") }),
  live: { kind: "mappings", functionName: undefined, mappings: [{ ...mapping, lastModifiedMs: 0 }] },
};

const accepted: readonly (readonly [string, RunFacts])[] = [
  ["a mapping at TRIM_HORIZON that was just created", facts],
  ["a stream with new images only", withTable({ streamViewType: "NEW_IMAGE" })],
  ["a mapping that is being updated", withMappings({ state: "Updating" })],
  ["LATEST after more than an hour", withMappings({ startingPosition: "LATEST", lastModifiedMs: now - hour - 1 })],
  ["one good mapping of two", withMappings({ state: "Disabled" }, {})],
  ["an emulator, whose Lambda is not known", { ...facts, live: { kind: "local" } }],
  ["an export that is younger than the stream, of less than 24 hours before the mapping", withExport(now - 24 * hour)],
  [
    "an export, if the mapping does not say when it was changed",
    withExport(now - 72 * hour, withMappings({ lastModifiedMs: undefined as never })),
  ],
  ["an export of 14 days ago", withExport(now - 14 * 24 * hour, old)],
  ["a sample with some failures", { ...facts, sample: { records: 100, failures: 99, example: failing } }],
  ["no sample, as of an empty table", { ...facts, sample: undefined }],
];

const refused: readonly (readonly [CheckName, string, RunFacts, RegExp])[] = [
  [
    "stream",
    "a table without a stream",
    withTable({ streamArn: undefined }),
    /has no stream, .*update-table.* --table-name orders/,
  ],
  ["stream", "a disabled stream", withTable({ streamViewType: undefined }), /has no enabled stream/],
  [
    "stream",
    "a stream with keys only",
    withTable({ streamViewType: "KEYS_ONLY" }),
    /has KEYS_ONLY; expected NEW_IMAGE or/,
  ],
  ["stream", "a stream with old images only", withTable({ streamViewType: "OLD_IMAGE" }), /has OLD_IMAGE; expected/],
  ["live", "no function", withMappings(), /no function reads the stream .* with TRIM_HORIZON first, or/],
  [
    "live",
    "a named function without a mapping",
    { ...facts, live: { kind: "mappings", functionName: "f", mappings: [] } },
    /the function f does not read/,
  ],
  ["live", "a disabled mapping", withMappings({ state: "Disabled" }), /orders-sync is Disabled; enable it first/],
  ["live", "a mapping that is being created", withMappings({ state: "Creating" }), /is Creating; wait until/],
  [
    "live",
    "LATEST within the first hour",
    withMappings({ startingPosition: "LATEST" }),
    /starts at LATEST.*2026-11-28T07:59.*wait for an hour/,
  ],
  [
    "live",
    "LATEST without a time",
    withMappings({ startingPosition: "LATEST", lastModifiedMs: undefined as never }),
    /starts at LATEST: /,
  ],
  [
    "live",
    "a Lambda that cannot be asked",
    { ...facts, live: { kind: "unknown", reason: "AccessDenied" } },
    /cannot be asked: AccessDenied; .*--no-check live/,
  ],
  [
    "export",
    "an export before the stream",
    withExport(Date.parse("2026-11-19T23:59:59Z")),
    /before the table's stream began at 2026-11-20T00:00:00.000Z/,
  ],
  [
    "export",
    "an export of more than 14 days ago",
    withExport(now - 14 * 24 * hour - 1, old),
    /more than 14 days ago: targets forget/,
  ],
  ["export", "an export of long before the mapping", withExport(now - 25 * hour), /more than 24 hours before/],
  [
    "sample",
    "a sample that fails as a whole",
    { ...facts, sample: { records: 100, failures: 100, example: failing } },
    /each of the first 100 items that a route takes would fail at route orders, with MAPPING_FAILED: \[orders\] the mapper threw/,
  ],
  [
    "ahead",
    "a target of a later stream",
    { ...facts, ahead: [{ route: "orders", version: `20261127000000000-${"0".repeat(40)}` }] },
    /route orders holds changes of a later stream, of 20261127000000000/,
  ],
];

describe("a run", () => {
  test.each(accepted)("may start with %s", (_, given) => {
    expect(refusals(given)).toEqual([]);
  });

  test.each(refused)("%s: is refused with %s", (check, _, given, message) => {
    expect(refusals(given)).toEqual([{ check, message: expect.stringMatching(message) }]);
  });

  test.each(refused.filter(([, , { table }]) => table.streamArn !== undefined))(
    "%s: starts in spite of %s, if the user skips the check",
    (check, _, given) => {
      expect(refusals(given, [check])).toEqual([]);
    },
  );

  test("never starts without a stream's ARN, because the records need it", () => {
    const given = withTable({ streamArn: undefined });
    expect(refusals(given, ["stream", "live", "export", "sample", "ahead"])).toHaveLength(1);
  });

  test("is refused for every reason at once", () => {
    const given = { ...withMappings(), ahead: [{ route: "a", version: "2" }], exported: { exportTimeMs: 0 } };
    expect(refusals(given).map(({ check }) => check)).toEqual(["live", "export", "ahead"]);
  });
});

describe("the mappings of a stream", () => {
  test("are read page by page; the function's name is without its version", async () => {
    const inputs: object[] = [];
    const pages = [
      {
        EventSourceMappings: [
          {
            FunctionArn: "arn:aws:lambda:eu-central-1:123456789012:function:orders-sync:live",
            State: "Enabled",
            StartingPosition: "TRIM_HORIZON",
            LastModified: new Date(now),
          },
        ],
        NextMarker: "m",
      },
      { EventSourceMappings: [{ FunctionArn: "other", State: "Disabled" }], NextMarker: "" },
    ];
    const client = {
      listEventSourceMappings: async (input: object) => {
        inputs.push(input);
        return pages[inputs.length - 1] ?? {};
      },
    };
    expect(await liveFacts(client, streamArn, "orders-sync")).toEqual({
      kind: "mappings",
      functionName: "orders-sync",
      mappings: [
        { ...mapping, lastModifiedMs: now },
        { functionName: "other", state: "Disabled", startingPosition: undefined, lastModifiedMs: undefined },
      ],
    });
    expect(inputs).toEqual([
      { EventSourceArn: streamArn, FunctionName: "orders-sync" },
      { EventSourceArn: streamArn, FunctionName: "orders-sync", Marker: "m" },
    ]);
  });
});
