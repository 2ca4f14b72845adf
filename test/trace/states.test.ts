// `traceItem` on DynamoDB Local, Postgres, a replica in DynamoDB, SQS and CloudWatch Logs (moto): each state of an item, and
// sources that do not answer.

import { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { encodeEnvelope } from "@sluice/core/envelope";
import type { HeldSight, ItemTrace, QueueSight, TraceOptions } from "@sluice/inspect";
import { engineOrSkip, startEngines } from "@sluice/local";
import { streamRecord } from "@sluice/testing";
import { openWorld, refusedTotal, type World } from "./world.ts";

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () =>
  startEngines({ postgres: true, dynamodb: true, sqs: true, moto: true }),
);

const statesOf = ({ conclusions }: ItemTrace): Record<string, string> =>
  Object.fromEntries(conclusions.map(({ routes, state }) => [routes.join(), state]));

const sentencesOf = ({ conclusions }: ItemTrace): Record<string, string> =>
  Object.fromEntries(conclusions.map(({ routes, sentence }) => [routes.join(), sentence]));

const heldBy = ({ targets }: ItemTrace, route: string): HeldSight => {
  const held = targets.find(({ routes }) => routes.includes(route))?.held;
  if (held !== undefined && "value" in held) return held.value;
  throw new Error(`${route} was not read: ${JSON.stringify(held)}`);
};

const inQueue = ({ queues }: ItemTrace, kind: string): QueueSight => {
  const sight = queues.find((one) => one.kind === kind)?.sight;
  if (sight !== undefined && "value" in sight) return sight.value;
  throw new Error(`${kind} was not read: ${JSON.stringify(sight)}`);
};

/** A client whose every method is refused. */
const refusing = <Client>(name = "AccessDeniedException"): Client =>
  new Proxy(
    {},
    {
      get: (_, method) =>
        method === "destroy" || method === "then"
          ? undefined
          : () => Promise.reject(Object.assign(new Error("no"), { name })),
    },
  ) as Client;

describeWithEngines("traceItem", (engines) => {
  const worlds: World[] = [];
  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.close();
  });
  const open = async (): Promise<World> => {
    const world = await openWorld(engines);
    worlds.push(world);
    return world;
  };

  test("an item whose copies equal it is up to date, with its changes in the stream", async () => {
    const world = await open();
    await world.put({ id: "o-1", total: 1 });
    await world.put({ id: "o-2", total: 3 });
    await world.put({ id: "o-1", total: 2 });
    await world.deliver();
    const trace = await world.trace("o-1");
    expect(sentencesOf(trace)).toEqual({
      postgres: "up to date: the copy equals the item",
      replica: "up to date: the copy equals the item",
    });
    expect(trace.item).toEqual({ value: { exists: true } });
    expect(trace.stream).toMatchObject({
      value: {
        changes: [{ kind: "insert" }, { kind: "modify" }],
        isComplete: true,
        shards: 1,
        shardsRead: 1,
        records: 3,
      },
    });
    const { changes } = (trace.stream as Extract<ItemTrace["stream"], { value: unknown }>).value;
    expect(heldBy(trace, "postgres")).toMatchObject({ state: "live", compared: "equal", version: changes[1]?.version });
    expect(trace.logs).toEqual({
      unanswered: { action: "logs:FilterLogEvents", reason: "no log group is given" },
    });
  });

  test("a change that was not delivered yet is behind since it was made", async () => {
    const world = await open();
    await world.put({ id: "o-1", total: 1 });
    await world.deliver();
    await world.put({ id: "o-1", total: 2 });
    const trace = await world.trace("o-1");
    expect(statesOf(trace)).toEqual({ postgres: "behind", replica: "behind" });
    expect(sentencesOf(trace).postgres).toMatch(
      /^behind since 20\S+Z: the target lacks this change \(modify\), which waits in the stream, or was given up$/,
    );
    expect(heldBy(trace, "replica")).toMatchObject({
      compared: "different",
      difference: "different",
      members: ["total"],
    });
  });

  test("one route rejects a change, and the other one retries it from the queue", async () => {
    const world = await open();
    await world.put({ id: "o-1", total: 1 });
    await world.deliver();
    world.down.add("replica");
    await world.put({ id: "o-1", total: refusedTotal });
    await world.deliver();
    const trace = await world.trace("o-1");
    expect(statesOf(trace)).toEqual({ postgres: "rejected", replica: "behind" });
    const { postgres = "", replica = "" } = sentencesOf(trace);
    expect(postgres).toMatch(
      /^rejected with SINK_REJECTED at 20\S+Z after 1 attempt: dead letter \S+:orders:postgres$/,
    );
    expect(replica).toMatch(/^on its way since 20\S+Z: waits in the retry queue, SINK_UNAVAILABLE after 1 attempt$/);
    expect(trace.conclusions[0]?.deadLetter).toEqual({
      id: expect.stringMatching(/:orders:postgres$/),
      queueUrl: world.deadLetters,
    });
    // Looking has not consumed anything.
    const again = await world.trace("o-1");
    expect(again.conclusions).toEqual(trace.conclusions);
    world.down.clear();
    await world.consumeRetries();
    expect(statesOf(await world.trace("o-1"))).toEqual({ postgres: "rejected", replica: "up to date" });
    // A later change makes the dead letter obsolete.
    await world.put({ id: "o-1", total: 5 });
    await world.deliver();
    const later = sentencesOf(await world.trace("o-1"));
    expect(later.postgres).toMatch(/^up to date: the copy equals the item; still in a queue: SINK_REJECTED of 20\S+Z$/);
    expect(later.replica).toBe("up to date: the copy equals the item");
  });

  test("a message that is hidden is counted, and named as a place where the change may be", async () => {
    const world = await open();
    world.down.add("replica");
    await world.put({ id: "o-1", total: 1 });
    await world.deliver();
    const { Messages } = await world.sqs.receiveMessage({ QueueUrl: world.retryQueue, VisibilityTimeout: 60 });
    expect(Messages).toHaveLength(1);
    const trace = await world.trace("o-1");
    expect(inQueue(trace, "retry queue")).toMatchObject({ deliveries: [], hidden: 1 });
    expect(sentencesOf(trace).replica).toMatch(
      /which waits to be retried in the stream, is among 1 hidden message of \S+-retry, or was given up$/,
    );
  });

  test("a removed item with a tombstone, an item that never was, and one that the filter refuses are up to date", async () => {
    const world = await open();
    await world.put({ id: "o-1", total: 1 });
    await world.put({ id: "o-2", total: 1, hidden: true });
    await world.deliver();
    await world.remove("o-1");
    expect(statesOf(await world.trace("o-1"))).toEqual({ postgres: "behind", replica: "behind" });
    await world.deliver();
    const removed = await world.trace("o-1");
    expect(sentencesOf(removed)).toEqual({
      postgres: "up to date: the item does not exist, and the target holds a tombstone",
      replica: "up to date: the item does not exist, and the target holds a tombstone",
    });
    expect(removed.item).toEqual({ value: { exists: false } });
    const never = await world.trace("never");
    expect(sentencesOf(never).postgres).toBe("up to date: the item does not exist, and the target holds nothing");
    expect(never.stream).toMatchObject({ value: { changes: [], records: 3 } });
    expect(sentencesOf(await world.trace("o-2")).postgres).toMatch(
      /^up to date: the filter or the mapper refuses the item, and the target holds (nothing|a tombstone)$/,
    );
  });

  test("a copy that was changed by hand differs without a known reason", async () => {
    const world = await open();
    await world.put({ id: "o-1", total: 1, note: "fine" });
    await world.deliver();
    await world.pool.query("UPDATE orders SET total = 77, note = 'by hand'");
    const trace = await world.trace("o-1");
    expect(sentencesOf(trace)).toEqual({
      postgres: "differs without a known reason: the copy differs in note, total",
      replica: "up to date: the copy equals the item",
    });
    const blind = await world.trace("o-1", { streams: undefined, queues: [] });
    expect(sentencesOf(blind).postgres).toBe(
      "differs without a known reason: the copy differs in note, total; the stream was not read; a change may be in a retry queue, if there are any, or in dead letters, if there are any",
    );
  });

  test("foreign messages are counted, and explain nothing", async () => {
    const world = await open();
    await world.put({ id: "o-1", total: 1 });
    await world.put({ id: "o-2", total: refusedTotal });
    await world.deliver();
    const envelope = {
      v: 1 as const,
      id: "e:other:postgres",
      pipeline: "other",
      sink: "postgres",
      code: "SINK_REJECTED" as const,
      message: "",
      attempts: 1,
      firstFailedAt: "2026-01-02T03:04:05.000Z",
      record: streamRecord({ after: { id: "o-1" }, keyNames: ["id"], position: 9 }),
    };
    const bodies = [
      "not JSON",
      "{}",
      encodeEnvelope(envelope),
      encodeEnvelope({
        ...envelope,
        pipeline: "orders",
        id: "e:orders:gone",
        sink: "gone",
        record: { ...envelope.record, dynamodb: { ...envelope.record.dynamodb, Keys: { id: { S: "o-1" } } } } as never,
      }),
      JSON.stringify({ ...envelope, pipeline: "orders", record: { dynamodb: { Keys: { id: "no attribute value" } } } }),
      JSON.stringify({ ...envelope, pipeline: "orders", record: {}, recordUrl: "s3://bucket/key" }),
      JSON.stringify({
        DDBStreamBatchInfo: {
          shardId: "s",
          startSequenceNumber: "1",
          endSequenceNumber: "2",
          batchSize: 1,
          streamArn: "arn",
        },
      }),
    ];
    for (const MessageBody of bodies) await world.sqs.sendMessage({ QueueUrl: world.deadLetters, MessageBody });
    const trace = await world.trace("o-1");
    expect(inQueue(trace, "dead letters")).toMatchObject({
      others: 3,
      batches: 1,
      unsupported: 2,
      unread: 1,
      hidden: 0,
    });
    expect(statesOf(trace)).toEqual({ postgres: "up to date", replica: "up to date", gone: "rejected" });
    const depth = await world.sqs.getQueueAttributes({ QueueUrl: world.deadLetters, AttributeNames: ["All"] });
    expect(depth.Attributes).toMatchObject({
      ApproximateNumberOfMessages: "8",
      ApproximateNumberOfMessagesNotVisible: "0",
    });
  });

  test("a record in S3 is fetched", async () => {
    const world = await open();
    await world.put({ id: "o-1", total: refusedTotal });
    await world.deliver();
    const [message] = (await world.sqs.receiveMessage({ QueueUrl: world.deadLetters })).Messages ?? [];
    await world.sqs.deleteMessage({ QueueUrl: world.deadLetters, ReceiptHandle: message?.ReceiptHandle });
    const { record, ...rest } = JSON.parse(message?.Body ?? "");
    const MessageBody = JSON.stringify({ ...rest, recordUrl: "s3://bucket/key" });
    await world.sqs.sendMessage({ QueueUrl: world.deadLetters, MessageBody });
    const lost = await world.trace("o-1");
    expect(sentencesOf(lost).postgres).toContain("among 1 record in S3 of");
    const found = await world.trace("o-1", { fetchRecord: async (one) => ({ ...one, record }) });
    expect(statesOf(found)).toMatchObject({ postgres: "rejected" });
  });

  const denied = (action: string) => ({ unanswered: { action, reason: "AccessDeniedException" } });

  test.each<[string, (world: World) => Partial<TraceOptions>, object, Record<string, string>]>([
    [
      "the table",
      () => ({ dynamodb: refusing() }),
      { item: denied("dynamodb:GetItem") },
      { postgres: "unknown", replica: "unknown" },
    ],
    [
      "the stream",
      () => ({ streams: refusing() }),
      { stream: denied("dynamodb:DescribeStream") },
      { postgres: "differs", replica: "up to date" },
    ],
    [
      "the queues",
      ({ deadLetters }) => ({ queues: [{ kind: "dead letters", queueUrl: deadLetters, client: refusing() }] }),
      { queues: [expect.objectContaining({ sight: denied("sqs:GetQueueAttributes") })] },
      { postgres: "behind", replica: "up to date" },
    ],
    [
      "the log",
      () => ({ logs: { client: refusing(), group: "g" } }),
      { logs: denied("logs:FilterLogEvents") },
      { postgres: "rejected", replica: "up to date" },
    ],
  ])("%s that must not be read is unknown, and no guess is made", async (name, extra, expected, states) => {
    const world = await open();
    await world.put({ id: "o-1", total: 1 });
    await world.deliver();
    await world.put({ id: "o-1", total: refusedTotal });
    await world.deliver();
    const options = extra(world);
    const trace = await world.trace("o-1", name === "the stream" ? { ...options, queues: [] } : options);
    expect(trace).toMatchObject(expected);
    expect(statesOf(trace)).toEqual(states);
  });

  test("a target that does not answer is unknown by the code of its error, and the other one is not", async () => {
    const world = await open();
    await world.put({ id: "o-1", total: 1 });
    await world.deliver();
    await world.pool.query("DROP TABLE orders CASCADE");
    const trace = await world.trace("o-1");
    expect(statesOf(trace)).toEqual({ postgres: "unknown", replica: "up to date" });
    expect(sentencesOf(trace).postgres).toBe("unknown: SINK_MISSING (read access to the target of postgres)");
  });

  test("a queue that moves messages after some receives is not looked at", async () => {
    const world = await open();
    const { Attributes } = await world.sqs.getQueueAttributes({
      QueueUrl: world.retryQueue,
      AttributeNames: ["QueueArn"],
    });
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: Attributes?.QueueArn, maxReceiveCount: 2 });
    await world.sqs.setQueueAttributes({ QueueUrl: world.deadLetters, Attributes: { RedrivePolicy } });
    const trace = await world.trace("o-1");
    expect(trace.queues[1]?.sight).toMatchObject({
      unanswered: { action: "sqs:ReceiveMessage", reason: expect.stringContaining("moves a message after 2 receives") },
    });
  });

  test("the stream is read within its limits, and the trace says that it was not read to the end", async () => {
    const world = await open();
    await world.put({ id: "o-1", total: 1 });
    await world.deliver();
    await world.pool.query("UPDATE orders SET total = 77");
    for (const [limits, stopped] of [
      [{ streamCalls: 1 }, "after 1 calls"],
      [{ streamMs: 0 }, "after 0 s"],
    ] as const) {
      const trace = await world.trace("o-1", { limits });
      expect(trace.stream).toMatchObject({ value: { isComplete: false, stopped, shardsRead: 0, changes: [] } });
      expect(sentencesOf(trace).postgres).toContain(`the stream was read only in part, and stopped ${stopped}`);
    }
    const stop = AbortSignal.abort();
    expect((await world.trace("o-1", { signal: stop })).stream).toMatchObject({
      value: { stopped: "when it was interrupted" },
    });
  });

  test("the log tells of a dead letter that is gone from its queue, and of deliveries that were superseded", async () => {
    const world = await open();
    const client = new CloudWatchLogs(engines.moto.clientConfig);
    const group = `/aws/lambda/${world.name}`;
    await client.createLogGroup({ logGroupName: group });
    await client.createLogStream({ logGroupName: group, logStreamName: "s" });
    const logs = { client: client as never, group };
    await world.put({ id: "o-1", total: 1 });
    await world.deliver();
    await world.put({ id: "o-1", total: refusedTotal });
    await world.deliver();
    await world.sqs.purgeQueue({ QueueUrl: world.deadLetters });
    const before = await world.trace("o-1", { logs });
    expect(statesOf(before)).toEqual({ postgres: "behind", replica: "up to date" });
    const { changes } = (before.stream as Extract<ItemTrace["stream"], { value: unknown }>).value;
    const [first = "", second = ""] = changes.map(({ eventId }) => eventId);
    const lines = [
      JSON.stringify({
        level: "WARN",
        message: "dead letter",
        pipeline: "orders",
        sink: "postgres",
        code: "SINK_REJECTED",
        id: `${second}:orders:postgres`,
        attempts: 2,
        reason: "canary-reason",
      }),
      JSON.stringify({
        level: "WARN",
        message: "dead letter",
        pipeline: "other",
        sink: "postgres",
        code: "SINK_GONE",
        id: `${second}:other:postgres`,
        attempts: 2,
      }),
      `2026-11-28T10:00:00.000Z\treq-1\tINFO\t${JSON.stringify({ message: "delivery", pipeline: "orders", route: "replica", eventId: first, outcome: "superseded", attempts: 1 })}`,
      JSON.stringify({
        timestamp: "t",
        level: "INFO",
        message: {
          message: "delivery",
          pipeline: "orders",
          route: "replica",
          eventId: second,
          outcome: "retried",
          code: "SINK_TIMEOUT",
          attempts: 3,
        },
      }),
      `own line with canary-value about ${first}`,
      "a line about something else",
    ];
    const logEvents = lines.map((message, index) => ({ message, timestamp: Date.now() + index }));
    await client.putLogEvents({ logGroupName: group, logStreamName: "s", logEvents });
    const trace = await world.trace("o-1", { logs });
    expect(trace.logs).toMatchObject({
      value: {
        group,
        isComplete: true,
        otherLines: 2,
        deliveries: [
          { route: "postgres", outcome: "dead letter", code: "SINK_REJECTED", attempts: 2, eventId: second },
          { route: "replica", outcome: "superseded", eventId: first },
          { route: "replica", outcome: "retried", code: "SINK_TIMEOUT", attempts: 3, eventId: second },
        ],
      },
    });
    expect(JSON.stringify(trace)).not.toContain("canary");
    expect(sentencesOf(trace)).toEqual({
      postgres: expect.stringMatching(
        /^rejected with SINK_REJECTED at 20\S+Z, as the log says; no dead letter of it was seen$/,
      ),
      replica: "up to date: the copy equals the item",
    });
    client.destroy();
    const missing = new CloudWatchLogs(engines.moto.clientConfig);
    expect((await world.trace("o-1", { logs: { client: missing as never, group: "/aws/lambda/none" } })).logs).toEqual({
      unanswered: { action: "logs:FilterLogEvents", reason: "ResourceNotFoundException" },
    });
    missing.destroy();
  });

  test("has no value of the item but its key", async () => {
    const world = await open();
    const note = "canary-4711";
    await world.put({ id: "o-1", total: 424_242 % refusedTotal, note });
    await world.deliver();
    world.down.add("replica");
    await world.put({ id: "o-1", total: 424_242, note: `${note}-again` });
    await world.deliver();
    await world.pool.query("UPDATE orders SET note = 'canary-other'");
    const text = JSON.stringify(await world.trace("o-1"));
    expect(text).toContain("o-1");
    expect(text).not.toMatch(/canary|424242|424_242|"242"/);
  });

  test("a FIFO queue is read in rounds, and its messages behind others of their group are counted", async () => {
    const world = await open();
    const { QueueUrl: queueUrl = "" } = await world.sqs.createQueue({
      QueueName: `${world.name}.fifo`,
      Attributes: { FifoQueue: "true" },
    });
    await world.put({ id: "o-1", total: refusedTotal });
    await world.deliver();
    const [message] = (await world.sqs.receiveMessage({ QueueUrl: world.deadLetters })).Messages ?? [];
    for (let index = 0; index < 12; index += 1) {
      await world.sqs.sendMessage({
        QueueUrl: queueUrl,
        MessageBody: index === 1 ? (message?.Body ?? "") : "{}",
        MessageGroupId: String(index % 2),
        MessageDeduplicationId: String(index),
      });
    }
    const client = new SQS(engines.sqs.clientConfig) as never;
    const trace = await world.trace("o-1", { queues: [{ kind: "dead letters", queueUrl, client }] });
    const { deliveries, unsupported, hidden } = inQueue(trace, "dead letters");
    expect({ deliveries: deliveries.length, all: deliveries.length + unsupported + hidden }).toEqual({
      deliveries: 1,
      all: 12,
    });
  });
});
