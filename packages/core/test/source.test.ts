// Which tables a pipeline accepts, and how versions order the changes of tables that follow each other.

import { describe, expect, test } from "@jest/globals";
import {
  lambdaContext,
  memoryAppendSink,
  memoryUpsertSink,
  type RecordOptions,
  sqsEvent,
  streamEvent,
  streamRecord,
} from "@sluice/testing";
import { type Envelope, encodeEnvelope, type StreamRecord } from "../src/envelope.ts";
import { type PipelineOptions, pipeline } from "../src/index.ts";
import type { Source } from "../src/record/source.ts";
import { checkedSource, sourceReader } from "../src/record/source.ts";
import { systemClock } from "../src/sink-kit.ts";
import { codeOf } from "./code-of.ts";
import { memoryDeadLetterQueue } from "./memory-dead-letter-queue.ts";
import { recordingLogger } from "./recording-logger.ts";

type SourceOption = string | Source | readonly (string | Source)[];

const arnIn = (region: string, table = "orders"): string => `arn:aws:dynamodb:${region}:123456789012:table/${table}`;
const [ireland, virginia] = [arnIn("eu-west-1"), arnIn("us-east-1")];

/** A record of a table. `createdAt` is the time of the change. */
const recordOf = (tableArn: string, options: RecordOptions & { readonly label?: string } = {}): StreamRecord => {
  const { label = "2026-01-01T00:00:00.000", ...rest } = options;
  const record = streamRecord({ after: { pk: "a", sk: "1", revision: 1 }, ...rest });
  return { ...record, eventSourceARN: `${tableArn}/stream/${label}` };
};

const now = Date.parse("2026-11-28T00:00:00Z");
const readerOf = (source?: SourceOption) => sourceReader(checkedSource(source), { now: () => now });

describe("the option source", () => {
  test.each<[string, unknown, string]>([
    ["a number", 7, 'option "source" is number; expected a table\'s name or ARN, or { table }'],
    ["an empty list", [], 'option "source" is an empty list'],
    ["an empty name", "", 'option "source" is ""; expected the name or the ARN of a table, without its stream'],
    ["the ARN of a stream", `${ireland}/stream/2026-01-01T00:00:00.000`, "without its stream"],
    ["no table", {}, 'option "source.table" is undefined'],
    [
      "two tables at the same time",
      [ireland, virginia],
      'option "source[1].since" is missing; expected the time from which',
    ],
    ["one table twice", ["orders", "orders"], 'option "source[1].since" is missing'],
    ["a time without a zone", { table: "orders", since: "2026-11-27T10:00:00" }, "a time in UTC, in whole seconds"],
    ["a time in milliseconds", { table: "orders", since: "2026-11-27T10:00:00.500Z" }, "in whole seconds"],
    ["the 31st of February", { table: "orders", since: "2026-02-31T10:00:00Z" }, "a time in UTC"],
    [
      "times out of order",
      [ireland, { table: virginia, since: "2026-11-27T10:00:00Z" }, { table: ireland, since: "2026-11-27T10:00:00Z" }],
      'option "source[2].since" is 2026-11-27T10:00:00Z; expected a time after the one of the source before it',
    ],
    [
      "a name and an ARN of one table",
      ["orders", { table: ireland, since: "2026-11-27T10:00:00Z" }],
      "by its name and by its ARN",
    ],
    ["an empty guard attribute", { table: "orders", guardAttribute: "" }, 'option "source.guardAttribute" is empty'],
  ])("refuses %s, and says what it expects", (_, source, message) => {
    const options = { source, onReject: "block", logger: recordingLogger() } as PipelineOptions<unknown> & {
      onReject: "block";
    };
    expect(() => pipeline("p", options)).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringContaining(message) }),
    );
  });
});

describe("a source", () => {
  test.each<[string, SourceOption | undefined, string, boolean]>([
    ["a name accepts its table", "orders", ireland, true],
    ["a name refuses another table", "orders", arnIn("eu-west-1", "customers"), false],
    ["a name refuses a table whose name ends in the same way", "orders", arnIn("eu-west-1", "old-orders"), false],
    ["an ARN accepts its table", ireland, ireland, true],
    ["an ARN refuses the table of another region", ireland, virginia, false],
    ["an ARN refuses the table of another account", ireland, ireland.replace("123456789012", "210987654321"), false],
    [
      "several sources accept each of their tables",
      [ireland, { table: virginia, since: "2026-11-27T10:00:00Z" }],
      virginia,
      true,
    ],
    ["without the option, any table is accepted at first", undefined, virginia, true],
  ])("%s", (_, source, tableArn, isAccepted) => {
    const record = recordOf(tableArn);
    expect(codeOf(() => readerOf(source).pin(record))).toBe(isAccepted ? undefined : "RECORD_FOREIGN");
    expect(codeOf(() => readerOf(source).read(record))).toBe(isAccepted ? undefined : "RECORD_FOREIGN");
  });

  test.each([undefined, "orders"])(
    "%s is pinned to the first table of a stream event, in its region and account",
    (source) => {
      const reader = readerOf(source);
      reader.read(recordOf(virginia));
      reader.pin(recordOf(ireland));
      reader.pin(recordOf(ireland, { label: "2026-02-01T00:00:00.000" }));
      expect(codeOf(() => reader.pin(recordOf(virginia)))).toBe("RECORD_FOREIGN");
      expect(codeOf(() => reader.read(recordOf(virginia)))).toBe("RECORD_FOREIGN");
      expect(codeOf(() => reader.check(`${virginia}/stream/2026-01-01T00:00:00.000`))).toBe("RECORD_FOREIGN");
      expect(reader.read(recordOf(ireland, { label: "2026-02-01T00:00:00.000" })).epoch).toBe("20260201000000000");
    },
  );

  test("refuses a stream from the future, because its versions would outrank all later changes", () => {
    const epochOf = (label: string) => codeOf(() => readerOf().read(recordOf(ireland, { label })));
    expect(["9999-12-31T00:00:00.000", "2026-11-29T00:00:01.000", "2026-99-01T00:00:00.000"].map(epochOf)).toEqual([
      "RECORD_MALFORMED",
      "RECORD_MALFORMED",
      "RECORD_MALFORMED",
    ]);
    expect(epochOf("2026-11-28T23:59:59.000")).toBeUndefined();
  });
});

describe("the epoch of a record", () => {
  const timeline: readonly Source[] = [
    { table: ireland },
    { table: virginia, since: "2026-03-01T10:00:00Z" },
    { table: ireland, since: "2026-05-01T10:00:00Z" },
  ];

  test.each<[string, string, string, string, string, boolean]>([
    ["before the first move", ireland, "2026-01-01T00:00:00.000", "2026-02-01T00:00:00Z", "20260101000000000", false],
    [
      "after the first move, at the former table",
      ireland,
      "2026-01-01T00:00:00.000",
      "2026-03-01T10:00:00Z",
      "20260101000000000",
      true,
    ],
    [
      "of a stream created after the move, at the former table",
      ireland,
      "2026-04-01T00:00:00.000",
      "2026-04-02T00:00:00Z",
      "20260301095959999",
      true,
    ],
    [
      "before the first move, at the next table",
      virginia,
      "2026-01-15T00:00:00.000",
      "2026-03-01T09:59:59Z",
      "00000000000000000",
      true,
    ],
    ["at the first move", virginia, "2026-01-15T00:00:00.000", "2026-03-01T10:00:00Z", "20260301100000000", false],
    [
      "of a stream created after the move",
      virginia,
      "2026-03-02T00:00:00.000",
      "2026-03-03T00:00:00Z",
      "20260302000000000",
      false,
    ],
    [
      "after the return, at the other table",
      virginia,
      "2026-06-15T00:00:00.000",
      "2026-06-16T00:00:00Z",
      "20260501095959999",
      true,
    ],
    ["after the return", ireland, "2026-01-01T00:00:00.000", "2026-05-01T10:00:00Z", "20260501100000000", false],
    [
      "of a stream created after the return",
      ireland,
      "2026-06-01T00:00:00.000",
      "2026-06-02T00:00:00Z",
      "20260601000000000",
      false,
    ],
  ])("%s", (_, tableArn, label, createdAt, epoch, isOutOfTurn) => {
    expect(readerOf(timeline).read(recordOf(tableArn, { label, createdAt }))).toMatchObject({ epoch, isOutOfTurn });
  });

  test("without a time is that of the first source", () => {
    const { dynamodb: { ApproximateCreationDateTime: _, ...dynamodb } = {}, ...record } = recordOf(ireland);
    expect(readerOf(timeline).read({ ...record, dynamodb }).epoch).toBe("20260101000000000");
  });

  test("gives every change the same version on every way to the target", async () => {
    const versions = new Set<string>();
    const record = recordOf(ireland, { createdAt: "2026-11-20T00:00:00Z" });
    const { handler, envelopeOf } = pipelineOf(timeline, ({ version }) => void versions.add(version));
    await handler(streamEvent([record]), lambdaContext());
    await handler(sqsEvent([envelopeOf(record, "copy")]), lambdaContext());
    await handler(
      { requestPayload: {}, ...sqsEvent([JSON.stringify({ payload: { Records: [record] } })]) },
      lambdaContext(),
    );
    expect([...versions]).toEqual(["20260501100000000-0000000000000000000100000000000078103991"]);
  });
});

const pipelineOf = (
  source: SourceOption | undefined,
  see: (change: { readonly version: string }) => void = () => {},
) => {
  const [copy, log] = [memoryUpsertSink({ name: "copy" }), memoryAppendSink({ name: "log" })];
  const deadLetterQueue = memoryDeadLetterQueue();
  const clock = { now: () => now, random: () => 0, sleep: systemClock.sleep };
  const handler = pipeline("orders", { deadLetterQueue, logger: recordingLogger(), clock, ...(source && { source }) })
    .to(copy, (change) => {
      see(change);
      return change.after.revision;
    })
    .to(log, (change) => change.after?.revision, { dedupe: "none" })
    .handler();
  const envelopeOf = (record: StreamRecord, sink: string): string => {
    const envelope: Envelope = {
      v: 1,
      id: `${record.eventID}:${sink}`,
      pipeline: "orders",
      sink,
      code: "SINK_REJECTED",
      message: "refused",
      attempts: 1,
      firstFailedAt: "2026-11-27T00:00:00.000Z",
      record,
    };
    return encodeEnvelope(envelope);
  };
  return { handler, copy, log, deadLetterQueue, envelopeOf };
};

describe("a handler", () => {
  const createdAt = "2026-11-27T12:00:00Z";

  test("fails a stream event of another table as a whole, and writes and dead-letters nothing", async () => {
    const { handler, copy, log, deadLetterQueue } = pipelineOf(undefined);
    await handler(streamEvent([recordOf(ireland, { createdAt })]), lambdaContext());
    const foreign = recordOf(virginia, { createdAt, after: { pk: "b", sk: "1", revision: 2 } });
    await expect(handler(streamEvent([foreign]), lambdaContext())).rejects.toMatchObject({
      code: "RECORD_FOREIGN",
      message: expect.stringMatching(`the stream is of table ${virginia}; expected ${ireland}, .*option "source"`),
    });
    expect([copy.items().size, log.sent().length, deadLetterQueue.envelopes.length]).toEqual([1, 1, 0]);
  });

  test("leaves an envelope and an on-failure message of another table unread in their queue", async () => {
    const { handler, copy, deadLetterQueue, envelopeOf } = pipelineOf("orders");
    const foreign = recordOf(arnIn("eu-west-1", "customers"), { createdAt });
    const own = recordOf(ireland, { createdAt });
    const invocation = JSON.stringify({ payload: { Records: [own, foreign] } });
    const { DDBStreamBatchInfo: pointer } = {
      DDBStreamBatchInfo: {
        shardId: "s",
        startSequenceNumber: "1",
        endSequenceNumber: "2",
        streamArn: foreign.eventSourceARN,
      },
    };
    const bodies = [
      envelopeOf(foreign, "copy"),
      invocation,
      JSON.stringify({ DDBStreamBatchInfo: pointer }),
      envelopeOf(own, "copy"),
    ];
    const event = sqsEvent(bodies);
    const { outcomes } = await handler({ ...event, sluice: { task: "redrive" } }, lambdaContext());
    expect(outcomes?.map(({ outcome, code }) => [outcome, code])).toEqual([
      ["retried", "RECORD_FOREIGN"],
      ["retried", "RECORD_FOREIGN"],
      ["retried", "RECORD_FOREIGN"],
      ["delivered", undefined],
    ]);
    expect([copy.items().size, deadLetterQueue.envelopes.length]).toEqual([1, 0]);
  });

  test("rejects a record of a stream from the future, in an event and in an envelope", async () => {
    const { handler, copy, deadLetterQueue, envelopeOf } = pipelineOf(undefined);
    const forged = recordOf(ireland, { createdAt, label: "9999-01-01T00:00:00.000" });
    await handler(streamEvent([forged]), lambdaContext());
    const { batchItemFailures } = await handler(sqsEvent([envelopeOf(forged, "copy")]), lambdaContext());
    expect(batchItemFailures).toHaveLength(1);
    expect(deadLetterQueue.envelopes.map(({ code }) => code)).toEqual(["RECORD_MALFORMED", "RECORD_MALFORMED"]);
    expect(copy.items().size).toBe(0);
  });

  test("sends a change to an append route once, although both tables of a global table have it", async () => {
    const source = [ireland, { table: virginia, since: "2026-11-27T12:00:00Z" }];
    const { handler, copy, log } = pipelineOf(source);
    const change = (tableArn: string, revision: number, at: string) =>
      streamEvent([recordOf(tableArn, { createdAt: at, position: revision, after: { pk: "a", sk: "1", revision } })]);
    await handler(change(ireland, 1, "2026-11-27T11:00:00Z"), lambdaContext());
    await handler(change(virginia, 1, "2026-11-27T11:00:01Z"), lambdaContext());
    await handler(change(virginia, 2, "2026-11-27T12:00:00Z"), lambdaContext());
    await handler(change(ireland, 2, "2026-11-27T12:00:01Z"), lambdaContext());
    expect(log.sent().map(({ message }) => message)).toEqual([1, 2]);
    expect([...copy.items().values()]).toEqual([2]);
  });
});

describe("the age of a change that a queue delivers", () => {
  const dayMs = 86_400_000;
  const daysAgo = (days: number): string => new Date(now - days * dayMs).toISOString();
  const deliver = async (options: RecordOptions, sink: string) => {
    const { handler, copy, log, envelopeOf } = pipelineOf(undefined);
    const event = sqsEvent([envelopeOf(recordOf(ireland, options), sink)]);
    const { outcomes } = await handler({ ...event, sluice: { task: "redrive" } }, lambdaContext());
    return { outcome: outcomes?.[0], copies: copy.items().size, sent: log.sent().length };
  };

  test("of 28 days is the longest at which an upsert target gets it", async () => {
    expect(await deliver({ createdAt: daysAgo(28) }, "copy")).toMatchObject({
      outcome: { outcome: "delivered" },
      copies: 1,
    });
    expect(await deliver({ createdAt: daysAgo(28.1) }, "copy")).toMatchObject({
      outcome: { outcome: "rejected", code: "RECORD_EXPIRED", message: expect.stringContaining("Touch the item") },
      copies: 0,
    });
  });

  test("does not matter for append targets, and for removals, which cannot bring an item back", async () => {
    expect(await deliver({ createdAt: daysAgo(300) }, "log")).toMatchObject({
      outcome: { outcome: "delivered" },
      sent: 1,
    });
    const before = { pk: "a", sk: "1", revision: 1 };
    expect(await deliver({ createdAt: daysAgo(300), after: undefined, before }, "copy")).toMatchObject({
      outcome: { outcome: "delivered" },
    });
  });

  test("does not matter for changes of a stream, whose records live a day", async () => {
    const { handler, copy } = pipelineOf(undefined);
    await handler(streamEvent([recordOf(ireland, { createdAt: daysAgo(300) })]), lambdaContext());
    expect(copy.items().size).toBe(1);
  });

  test("does not matter if the record has no time", async () => {
    const { handler, copy, envelopeOf } = pipelineOf(undefined);
    const { dynamodb: { ApproximateCreationDateTime: _, ...dynamodb } = {}, ...record } = recordOf(ireland);
    await handler(sqsEvent([envelopeOf({ ...record, dynamodb }, "copy")]), lambdaContext());
    expect(copy.items().size).toBe(1);
  });
});
