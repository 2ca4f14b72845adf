import { describe, expect, test } from "@jest/globals";
import { change, failing, failingAt, nameOf, noonMs, rigWith, type Script } from "./rig.ts";

const abc = [change("a"), change("b"), change("c")];

const throwing: Script = () => {
  throw new Error("boom");
};

describe("a batch whose response reports failures", () => {
  test("is redelivered from the lowest reported record on, including later records that succeeded", async () => {
    let isFirst = true;
    const rig = rigWith([...abc, change("d")], (records) => {
      const response = isFirst ? failing(...records.filter((record) => ["d", "b"].includes(nameOf(record)))) : {};
      isFirst = false;
      return response;
    });
    await rig.run();
    expect(rig.batches).toEqual([
      ["a", "b", "c", "d"],
      ["b", "c", "d"],
    ]);
  });

  test("counts attempts from zero when the checkpoint moves, so that record c is delivered five times", async () => {
    const rig = rigWith(abc, failingAt("c"), { maximumRetryAttempts: 3 });
    await rig.run();
    expect(rig.batches).toEqual([["a", "b", "c"], ["c"], ["c"], ["c"], ["c"]]);
    expect(rig.discarded).toMatchObject([
      {
        requestContext: { condition: "RetryAttemptsExhausted", approximateInvokeCount: 4 },
        responseContext: { functionError: null },
        DDBStreamBatchInfo: { batchSize: 1 },
      },
    ]);
  });

  test("passes on each error that the function throws", async () => {
    let calls = 0;
    const rig = rigWith(
      abc,
      () => {
        calls += 1;
        if (calls <= 2) throw new Error(`boom ${calls}`);
      },
      { maximumRetryAttempts: 2 },
    );
    await rig.run();
    expect(rig.functionErrors.map(String)).toEqual(["Error: boom 1", "Error: boom 2"]);
  });

  test.each([
    ["undefined", undefined],
    ["null", null],
    ["an empty object", {}],
    ["an empty list", { batchItemFailures: [] }],
    ["a null list", { batchItemFailures: null }],
    ["a bare array", []],
    ["a misspelt member, which loses the records", { failedItems: [{ itemIdentifier: "1" }] }],
  ])("succeeds with %s", async (_name, response) => {
    const rig = rigWith(abc, () => response, { maximumRetryAttempts: 2 });
    await rig.run();
    expect(rig.batches).toEqual([["a", "b", "c"]]);
    expect(rig.discarded).toEqual([]);
  });

  test.each([
    ["an empty id", [{ itemIdentifier: "" }]],
    ["a null id", [{ itemIdentifier: null }]],
    ["no id", [{}]],
    ["a misspelt id", [{ itemIdentifer: "1" }]],
    ["a null entry", [null]],
    ["a number", [{ itemIdentifier: 123 }]],
    ["an id that is not in the batch", [{ itemIdentifier: "123" }]],
    ["a list that is a text", "all"],
  ])("fails as a whole with %s", async (_name, batchItemFailures) => {
    const rig = rigWith(abc, () => ({ batchItemFailures }), { maximumRetryAttempts: 2 });
    await rig.run();
    expect(rig.batches).toEqual([
      ["a", "b", "c"],
      ["a", "b", "c"],
      ["a", "b", "c"],
    ]);
    expect(rig.discarded).toMatchObject([
      {
        requestContext: { approximateInvokeCount: 3 },
        responseContext: { functionError: null },
        DDBStreamBatchInfo: { batchSize: 3 },
      },
    ]);
  });

  test("fails as a whole when an unknown id stands beside a known one", async () => {
    const script: Script = (records) => ({
      batchItemFailures: [{ itemIdentifier: records[1]?.dynamodb?.SequenceNumber }, { itemIdentifier: "123" }],
    });
    const rig = rigWith(abc, script, { maximumRetryAttempts: 0 });
    await rig.run();
    expect(rig.batches).toEqual([["a", "b", "c"]]);
    expect(rig.discarded).toMatchObject([{ DDBStreamBatchInfo: { batchSize: 3 } }]);
  });

  test("succeeds whatever it reports if the mapping does not use ReportBatchItemFailures", async () => {
    const rig = rigWith(abc, failingAt("a"), { functionResponseTypes: [], maximumRetryAttempts: 2 });
    await rig.run();
    expect(rig.batches).toEqual([["a", "b", "c"]]);
  });

  test("is discarded with all its remaining records, without bisecting, when its head keeps failing", async () => {
    const rig = rigWith([...abc, change("d")], failingAt("b"), { maximumRetryAttempts: 1 });
    await rig.run();
    expect(rig.batches).toEqual([
      ["a", "b", "c", "d"],
      ["b", "c", "d"],
      ["b", "c", "d"],
    ]);
    expect(rig.discarded).toMatchObject([{ DDBStreamBatchInfo: { batchSize: 3 } }]);
  });
});

describe("a function that throws", () => {
  test("gets the whole batch again until its attempts are used up", async () => {
    const rig = rigWith(abc, throwing, { maximumRetryAttempts: 1 });
    await rig.run();
    expect(rig.batches).toEqual([
      ["a", "b", "c"],
      ["a", "b", "c"],
    ]);
    expect(rig.discarded).toMatchObject([
      { requestContext: { approximateInvokeCount: 2 }, responseContext: { functionError: "Unhandled" } },
    ]);
  });

  test("gets the batch again without limit by default", async () => {
    let failures = 200;
    const rig = rigWith(abc, () => {
      failures -= 1;
      if (failures > 0) throw new Error("boom");
    });
    await rig.run();
    expect(rig.batches).toHaveLength(200);
    expect(rig.discarded).toEqual([]);
  });

  test("fails when its response is not JSON", async () => {
    const rig = rigWith(abc, () => ({ batchItemFailures: [], count: 1n }), { maximumRetryAttempts: 0 });
    await rig.run();
    expect(rig.discarded).toMatchObject([{ responseContext: { functionError: "Unhandled" } }]);
  });

  test("fails when it times out, and its late response is ignored", async () => {
    const rig = rigWith(abc, () => rig.clock.sleep(2_000), { functionTimeoutMs: 1_000, maximumRetryAttempts: 1 });
    await rig.run();
    expect(rig.functionErrors.map(String)).toContain("Error: Task timed out after 1 seconds");
    expect(rig.batches).toHaveLength(2);
    expect(rig.discarded).toMatchObject([{ responseContext: { functionError: "Unhandled" } }]);
  });

  test("sees its remaining time run out", async () => {
    const seen: number[] = [];
    const rig = rigWith(
      abc,
      async (_records, context) => {
        seen.push(context.getRemainingTimeInMillis());
        await rig.clock.sleep(600);
        seen.push(context.getRemainingTimeInMillis());
      },
      { functionTimeoutMs: 1_000 },
    );
    await rig.run();
    expect(seen).toEqual([1_000, 400]);
  });

  test("gets a fresh copy of the event each time", async () => {
    let isFirst = true;
    const rig = rigWith(abc, (records) => {
      for (const { dynamodb } of records) Object.assign(dynamodb?.NewImage ?? {}, { name: { S: "overwritten" } });
      if (isFirst) {
        isFirst = false;
        throw new Error("boom");
      }
    });
    await rig.run();
    expect(rig.batches).toEqual([
      ["a", "b", "c"],
      ["a", "b", "c"],
    ]);
  });
});

describe("bisecting", () => {
  const bisecting = { bisectBatchOnFunctionError: true };
  const failingOnC: Script = (records) => {
    if (records.some((record) => nameOf(record) === "c")) throw new Error("boom");
  };

  test("isolates the bad record without using up its attempts", async () => {
    const rig = rigWith([...abc, change("d")], failingOnC, { ...bisecting, maximumRetryAttempts: 1 });
    await rig.run();
    expect(rig.batches).toEqual([["a", "b", "c", "d"], ["a", "b"], ["c", "d"], ["c"], ["c"], ["d"]]);
    expect(rig.discarded).toMatchObject([
      { requestContext: { approximateInvokeCount: 2 }, DDBStreamBatchInfo: { batchSize: 1 } },
    ]);
  });

  test("splits even when no retry is allowed", async () => {
    const rig = rigWith([...abc, change("d")], failingOnC, { ...bisecting, maximumRetryAttempts: 0 });
    await rig.run();
    expect(rig.batches).toEqual([["a", "b", "c", "d"], ["a", "b"], ["c", "d"], ["c"], ["d"]]);
  });

  test("splits at the reported record and then in halves, so that only the bad record is discarded", async () => {
    const rig = rigWith([...abc, change("d")], failingAt("b"), { ...bisecting, maximumRetryAttempts: 0 });
    await rig.run();
    expect(rig.batches).toEqual([["a", "b", "c", "d"], ["b", "c", "d"], ["b", "c"], ["b"], ["c"], ["d"]]);
    expect(rig.discarded).toMatchObject([{ DDBStreamBatchInfo: { batchSize: 1 } }]);
  });
});

describe("the age of records", () => {
  test("removes records that are too old from the head of the batch, and delivers the other records", async () => {
    const old = noonMs - 61_000;
    const rig = rigWith([change("a", "a", old), change("b", "b", old), change("c"), change("d", "d", old)], undefined, {
      maximumRecordAgeInSeconds: 60,
    });
    await rig.run();
    expect(rig.batches).toEqual([["c", "d"]]);
    expect(rig.discarded).toMatchObject([
      { requestContext: { condition: "RecordAgeExceeded" }, DDBStreamBatchInfo: { batchSize: 2 } },
    ]);
    expect(rig.discarded[0]).not.toHaveProperty("responseContext");
  });

  test("ends the retries of the old records, and the younger record is delivered", async () => {
    const records = [change("a"), change("b", "b", noonMs + 30_000)];
    const rig = rigWith(records, failingAt("a"), { maximumRecordAgeInSeconds: 60 });
    await rig.run();
    expect(rig.batches.at(-1)).toEqual(["b"]);
    expect(rig.batches.slice(0, -1).every((batch) => batch.join() === "a,b")).toBe(true);
    expect(rig.discarded).toMatchObject([
      {
        requestContext: { condition: "RecordAgeExceeded", approximateInvokeCount: rig.batches.length - 1 },
        DDBStreamBatchInfo: { batchSize: 1 },
      },
    ]);
  });

  test("counts the attempts of the younger records from zero after the older records are removed", async () => {
    const records = [change("a"), change("b", "b", noonMs + 30_000)];
    const rig = rigWith(records, throwing, {
      maximumRecordAgeInSeconds: 60,
      maximumRetryAttempts: 8,
      retryDelayMs: () => 10_000,
    });
    await rig.run();
    const alone = rig.batches.filter((batch) => batch.join() === "b").length;
    expect(rig.discarded.map(({ requestContext }) => requestContext.approximateInvokeCount)).toEqual([
      rig.batches.length - alone,
      alone,
    ]);
  });

  test("beyond the stream's 24 hours loses the records, and no destination gets them", async () => {
    const rig = rigWith(abc, throwing, { pollIntervalMs: 60_000 });
    await rig.run();
    expect(rig.discarded).toEqual([]);
    expect(rig.mapping.counters).toMatchObject({ trimmedEventCount: 3, droppedEventCount: 0 });
    expect(rig.clock.now() - noonMs).toBeGreaterThan(24 * 3_600_000);
  });
});

describe("the on-failure destination", () => {
  const throwingOnce = { maximumRetryAttempts: 0 };

  test("of kind sqs gets a pointer to the records in the stream", async () => {
    const rig = rigWith(abc, throwing, throwingOnce);
    await rig.run();
    const [first = {}] = rig.discarded;
    expect(first).toEqual({
      requestContext: {
        requestId: expect.any(String),
        functionArn: "arn:aws:lambda:us-east-1:000000000000:function:sluice-local",
        condition: "RetryAttemptsExhausted",
        approximateInvokeCount: 1,
      },
      responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
      version: "1.0",
      timestamp: "2026-11-23T12:00:00.000Z",
      DDBStreamBatchInfo: {
        shardId: "shardId-00000000000000000001",
        startSequenceNumber: "99999999999999999999992",
        endSequenceNumber: "99999999999999999999994",
        approximateArrivalOfFirstRecord: "2026-11-23T12:00:00Z",
        approximateArrivalOfLastRecord: "2026-11-23T12:00:00Z",
        batchSize: 3,
        streamArn: rig.stream.streamArn,
      },
    });
  });

  test("of kind s3 gets the event as text, and Lambda's object key", async () => {
    const rig = rigWith(abc, throwing, { ...throwingOnce, destination: "s3" });
    await rig.run();
    const event = JSON.parse(rig.discarded[0]?.payload ?? "") as { Records: Parameters<typeof nameOf>[0][] };
    expect(event.Records.map(nameOf)).toEqual(["a", "b", "c"]);
    const uuid = "[0-9a-f-]{36}";
    expect(rig.keys[0]).toMatch(
      new RegExp(`^aws/lambda/${uuid}/shardId-00000000000000000001/2026/11/23/2026-11-23T12\\.00\\.00-${uuid}$`),
    );
  });

  test("that fails loses the records, and the shard continues", async () => {
    const send = async (): Promise<never> => {
      throw new Error("no queue");
    };
    const rig = rigWith(abc, failingAt("a"), {
      ...throwingOnce,
      batchSize: 1,
      destinationConfig: { onFailure: { kind: "sqs", send } },
    });
    await rig.run();
    expect(rig.batches).toEqual([["a"], ["b"], ["c"]]);
    expect(rig.problems).toEqual([new Error("no queue")]);
    expect(rig.mapping.counters).toMatchObject({
      destinationDeliveryFailures: 1,
      droppedEventCount: 1,
      onFailureDestinationDeliveredEventCount: 0,
    });
  });

  test("counts the records as dropped if the mapping has no destination", async () => {
    const rig = rigWith(abc, throwing, { ...throwingOnce, destinationConfig: {} });
    await rig.run();
    expect(rig.mapping.counters).toMatchObject({ droppedEventCount: 3, onFailureDestinationDeliveredEventCount: 0 });
  });
});

describe("the counters", () => {
  test("count an event on every retry, and all events of a batch that reports a failure, like CloudWatch", async () => {
    const rig = rigWith(abc, failingAt("c"), { maximumRetryAttempts: 1 });
    await rig.run();
    expect(rig.mapping.counters).toMatchObject({
      polledEventCount: 3,
      filteredOutEventCount: 0,
      invokedEventCount: 5,
      failedInvokeEventCount: 5,
      invocations: 3,
      droppedEventCount: 0,
      onFailureDestinationDeliveredEventCount: 1,
    });
  });
});
