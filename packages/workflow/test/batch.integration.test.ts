import { afterAll, describe, expect, test } from "@jest/globals";
import { sqsDeadLetterQueue } from "@sluice/core";
import type { StreamRecord } from "@sluice/core/envelope";
import { engineOrSkip, startEngines } from "@sluice/local";
import { type BatchEvent, type BatchOptions, batchHandler, type Progress } from "../src/index.ts";
import { noProgress } from "../src/redrive/progress.ts";
import { bodyFor, envelopeOf, orderRecord } from "./dead-letters.ts";
import { makeWorld, type World } from "./world.ts";

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () =>
  startEngines({ dynamodb: true, sqs: true }),
);

/** Starts a new run and runs one batch of it. The batch receives only messages that are already in the queue. */
const run = async (world: World, mode: BatchEvent["mode"], options: BatchOptions = {}): Promise<Progress> => {
  // The newest message must be older than the run. SQS' times are in ms, so the run starts 1 ms later.
  const startedAt = new Date(Date.now() + 1).toISOString();
  const event = { mode, run: `execution:${startedAt}`, startedAt, retries: 0, settings: {}, progress: noProgress };
  return batchHandler({ ...world.options, ...options })(event);
};

const item = (id: string, more: Record<string, unknown> = {}) =>
  ({ id: { S: id }, total: { N: "5" }, ...more }) as never;

describeWithEngines("a batch on SQS and DynamoDB", (engines) => {
  const opened: World[] = [];
  afterAll(async () => {
    await Promise.all(opened.map((world) => world.stop()));
  });
  const made = async (): Promise<World> => {
    const world = await makeWorld(engines);
    opened.push(world);
    return world;
  };

  /** A world with a dead letter for each item. The mapper has refused these items, but now accepts them. */
  const withDeadLetters = async (items: readonly never[], spoil: (world: World) => Promise<void> = async () => {}) => {
    const world = await made();
    world.refuse(() => true);
    for (const one of items) await world.put(one);
    await world.drained();
    expect(await world.deadLetters()).toBe(items.length);
    await spoil(world);
    world.refuse(() => false);
    return world;
  };

  const idsIn = ({ target }: World): unknown[] =>
    [...target.items().values()].map((one) => (one as { id: string }).id).sort();

  describe("redrives", () => {
    test("messages that the pipeline accepts now, and leaves the others unchanged", async () => {
      const world = await withDeadLetters(Array.from({ length: 25 }, (_, n) => item(`o-${n}`)));
      world.refuse(({ id }) => id === "o-7" || id === "o-8");
      const progress = await run(world, "redrive");
      expect(progress).toMatchObject({ next: "done", counts: { received: 25, delivered: 23, left: 2 } });
      expect(progress.left).toEqual({ copy: { MAPPING_FAILED: 2 } });
      expect(await world.deadLetters()).toBe(2);
      world.refuse(() => false);
      expect(await run(world, "redrive")).toMatchObject({ counts: { received: 2, delivered: 2 }, left: {} });
      expect(await world.deadLetters()).toBe(0);
      expect(idsIn(world)).toHaveLength(25);
    });

    test("changes that are older than the target's state, without effect on the target", async () => {
      const world = await withDeadLetters([item("o-1")]);
      await world.put(item("o-1", { total: { N: "6" } }));
      await world.drained();
      expect((await run(world, "redrive")).counts).toMatchObject({ received: 1, superseded: 1 });
      expect([...world.target.items().values()]).toEqual([{ id: "o-1", total: 6 }]);
    });

    test("the records that the fix returns", async () => {
      const world = await withDeadLetters([item("o-1"), item("o-2")]);
      world.refuse(({ note }) => note === undefined);
      const progress = await run(world, "redrive", {
        fix: ({ record }) => {
          const { NewImage = {} } = record.dynamodb ?? {};
          if (JSON.stringify(NewImage.id).includes("o-2")) return "drop";
          return {
            record: { ...record, dynamodb: { ...record.dynamodb, NewImage: { ...NewImage, note: { S: "-" } } } },
          };
        },
      });
      expect(progress.counts).toMatchObject({ received: 2, delivered: 1, dropped: 1 });
      expect([...world.target.items().values()]).toEqual([{ id: "o-1", total: 5, note: "-" }]);
      expect(await world.get("o-1")).toEqual({ id: { S: "o-1" }, total: { N: "5" } });
    });

    test("dead letters of a FIFO queue, where a message that is left holds back its group", async () => {
      const world = await made();
      const { QueueUrl: queueUrl = "" } = await world.sqs.createQueue({
        QueueName: `${world.tableName}.fifo`,
        Attributes: { FifoQueue: "true" },
      });
      const deadLetterQueue = sqsDeadLetterQueue({ queueUrl, client: world.sqs });
      const envelopes = ["a", "a", "b", "b"].map((id, n) =>
        envelopeOf(orderRecord(id, n + 1, { n }), { id: `deadLetter-${n}` }),
      );
      await deadLetterQueue.write(envelopes);
      world.refuse(({ n }) => n === 0);
      const { counts } = await run(world, "redrive", { queueUrl });
      expect(counts).toMatchObject({ left: 1 });
      world.refuse(() => false);
      const after = await run(world, "redrive", { queueUrl });
      expect(after.counts.left).toBe(0);
      expect(counts.received + after.counts.received).toBe(5);
      expect([...world.target.items().values()]).toEqual(
        expect.arrayContaining([
          { id: "a", n: 1 },
          { id: "b", n: 3 },
        ]),
      );
    });

    test("no change twice after a crash", async () => {
      const world = await withDeadLetters([item("o-1")]);
      const crash = () => new Promise<never>((_, reject) => setTimeout(reject, 50, new Error("killed")));
      const lambda = { invoke: crash };
      const clients = { ...world.options.clients, lambda };
      await expect(run(world, "redrive", { clients })).rejects.toMatchObject({ code: "REDRIVE_INTERRUPTED" });
      expect((await run(world, "redrive")).counts).toMatchObject({ received: 1, delivered: 1 });
    });
  });

  describe("republishes", () => {
    test("unchanged items, so that the stream emits a record and the pipeline delivers it", async () => {
      const blob = { B: new Uint8Array([1, 2]) };
      const all = {
        B: blob.B,
        BS: [blob.B],
        M: { b: blob, n: { N: "1.50" } },
        L: [blob, { NULL: true }],
        SS: ["b", "a"],
        NS: ["2", "1"],
        big: { N: "12345678901234567890123456789012345678" },
      };
      const { B, BS, M, L, SS, NS, big } = all;
      const rich = item("o-2", { b: { B }, bs: { BS }, m: { M }, l: { L }, ss: { SS }, ns: { NS }, big });
      const world = await withDeadLetters([item("o-1"), rich]);
      const before = world.records.length;
      expect((await run(world, "republish")).counts).toMatchObject({ received: 2, republished: 2, left: 0 });
      await world.drained();
      expect(world.records.slice(before)).toHaveLength(2);
      expect(idsIn(world)).toEqual(["o-1", "o-2"]);
      expect(await world.deadLetters()).toBe(0);
      expect(await world.get("o-1")).toMatchObject({
        total: { N: "5" },
        sluiceRedrive: { S: expect.stringContaining("execution:") },
      });
    });

    test("an item once in a run, and again in the next run", async () => {
      const world = await withDeadLetters([item("o-1")]);
      const receive = async () =>
        (await world.sqs.receiveMessage({ QueueUrl: world.queueUrl, VisibilityTimeout: 0 })).Messages?.[0]?.Body ?? "";
      const body = await receive();
      await world.sqs.sendMessage({ QueueUrl: world.queueUrl, MessageBody: body });
      const before = world.records.length;
      expect((await run(world, "republish")).counts).toMatchObject({ received: 2, republished: 2 });
      await world.drained();
      expect(world.records.slice(before)).toHaveLength(1);
      // Adds another dead letter of the same item for a later run.
      await world.sqs.sendMessage({ QueueUrl: world.queueUrl, MessageBody: body });
      expect((await run(world, "republish")).counts).toMatchObject({ received: 1, republished: 1 });
      await world.drained();
      expect(world.records.slice(before)).toHaveLength(2);
    });

    test("an item that an earlier run has republished and whose change was rejected again", async () => {
      const world = await withDeadLetters([item("o-1")]);
      world.refuse(() => true);
      await run(world, "republish");
      await world.drained();
      expect(await world.deadLetters()).toBe(1);
      world.refuse(() => false);
      expect((await run(world, "republish")).counts).toMatchObject({ received: 1, republished: 1 });
      await world.drained();
      expect(idsIn(world)).toEqual(["o-1"]);
    });

    test("no item that was changed after the dead letter, and leaves the dead letter", async () => {
      const change = async (world: World) => {
        world.refuse(() => false);
        await world.put(item("changed", { total: { N: "6" } }));
        await world.put({ id: { S: "smaller" } });
        await world.dynamodb.deleteItem({ TableName: world.tableName, Key: { id: { S: "gone" } } });
        await world.drained();
      };
      const world = await withDeadLetters([item("changed"), item("smaller"), item("gone"), item("same")], change);
      const before = world.records.length;
      const progress = await run(world, "republish");
      expect(progress).toMatchObject({
        counts: { received: 4, republished: 1, left: 3 },
        left: { copy: { ITEM_CHANGED: 3 } },
      });
      await world.drained();
      expect(world.records.slice(before)).toHaveLength(1);
      expect(await world.get("changed")).toEqual({ id: { S: "changed" }, total: { N: "6" } });
      expect(await world.get("gone")).toBeUndefined();
      expect(await world.deadLetters()).toBe(3);
    });

    test("no item that got back an attribute that the change removed", async () => {
      const world = await made();
      await world.put(item("o-1", { note: { S: "x" } }));
      await world.drained();
      world.refuse(() => true);
      await world.put(item("o-1"));
      await world.drained();
      await world.put(item("o-1", { note: { S: "y" } }));
      await world.drained();
      expect(await run(world, "republish")).toMatchObject({ counts: { received: 2, republished: 1, left: 1 } });
    });

    test("an item with only the attributes that the fix has changed", async () => {
      const world = await withDeadLetters([item("o-1", { old: { S: "x" }, kept: { S: "y" } })]);
      const fix: BatchOptions["fix"] = ({ record }) => {
        const { old: _, ...rest } = record.dynamodb?.NewImage ?? {};
        return {
          record: {
            ...record,
            dynamodb: { ...record.dynamodb, NewImage: { ...rest, total: { N: "7" }, added: { BOOL: true } } },
          },
        };
      };
      expect((await run(world, "republish", { fix, markerAttribute: "touched" })).counts).toMatchObject({
        republished: 1,
      });
      await world.drained();
      expect(await world.get("o-1")).toEqual({
        id: { S: "o-1" },
        kept: { S: "y" },
        total: { N: "7" },
        added: { BOOL: true },
        touched: { S: expect.stringContaining("execution:") },
      });
      expect([...world.target.items().values()]).toMatchObject([{ total: 7, added: true }]);
    });

    test("no fixed item that was changed after the dead letter", async () => {
      const world = await withDeadLetters([item("o-1")], async ({ put, drained, refuse }) => {
        refuse(() => false);
        await put(item("o-1", { total: { N: "6" } }));
        await drained();
      });
      const fix: BatchOptions["fix"] = ({ record }) => ({
        record: { ...record, dynamodb: { ...record.dynamodb, NewImage: { id: { S: "o-1" }, total: { N: "7" } } } },
      });
      expect((await run(world, "republish", { fix })).left).toEqual({ copy: { ITEM_CHANGED: 1 } });
      expect(await world.get("o-1")).toEqual({ id: { S: "o-1" }, total: { N: "6" } });
    });

    test("an item with more attributes than a condition may have", async () => {
      const many = Object.fromEntries(Array.from({ length: 250 }, (_, n) => [`attribute-${n}`, { N: String(n) }]));
      const world = await withDeadLetters([item("o-1", many)]);
      expect((await run(world, "republish")).counts).toMatchObject({ republished: 1 });
    });

    test("no item of another table, and no message without an envelope", async () => {
      const world = await withDeadLetters([item("o-1")]);
      await world.sqs.sendMessage({ QueueUrl: world.queueUrl, MessageBody: "{}" });
      const progress = await run(world, "republish", { tableName: "another" });
      expect(progress.left).toEqual({ copy: { NOT_REPUBLISHABLE: 1 }, "-": { NOT_REPUBLISHABLE: 1 } });
      expect(await world.get("o-1")).toEqual({ id: { S: "o-1" }, total: { N: "5" } });
    });

    test.each<[string, object]>([
      ["without a type", { NewImage: { id: { S: "o-1" }, total: {} } }],
      ["that is null", { NewImage: { id: { S: "o-1" }, total: null } }],
      ["with an image that is null", { NewImage: null }],
      ["with keys that are not an object", { Keys: "id" }],
    ])("no item of a record %s, and does not hold back others", async (_name, dynamodb) => {
      const world = await withDeadLetters([item("o-1"), item("o-2")]);
      const [record = {}] = world.records;
      const malformed = { ...record, dynamodb: { ...record.dynamodb, ...dynamodb } } as StreamRecord;
      await world.sqs.sendMessage({
        QueueUrl: world.queueUrl,
        MessageBody: bodyFor(malformed, { code: "RECORD_MALFORMED", id: "malformed" }),
      });
      expect(await run(world, "republish")).toMatchObject({
        counts: { received: 3, republished: 2, left: 1 },
        left: { copy: { NOT_REPUBLISHABLE: 1 } },
      });
    });

    test("no item when the marker is a key of the table", async () => {
      const world = await withDeadLetters([item("o-1")]);
      expect((await run(world, "republish", { markerAttribute: "id" })).left).toEqual({
        copy: { NOT_REPUBLISHABLE: 1 },
      });
    });

    test("no item while the table refuses requests", async () => {
      const world = await withDeadLetters([item("o-1")]);
      const slow = Object.assign(new Error("slow"), { name: "ProvisionedThroughputExceededException" });
      const refuse = () => Promise.reject(slow);
      const dynamodb = { updateItem: refuse, putItem: refuse, deleteItem: refuse };
      const clients = { ...world.options.clients, dynamodb };
      await expect(run(world, "republish", { clients })).rejects.toMatchObject({ name: "RedriveThrottledError" });
      expect((await run(world, "republish")).counts).toMatchObject({ republished: 1 });
    });

    test("the remaining items after the table has refused requests, without repeating the first items", async () => {
      const world = await withDeadLetters([item("o-1"), item("o-2"), item("o-3")]);
      const slow = Object.assign(new Error("slow"), { name: "ThrottlingException" });
      let calls = 0;
      const dynamodb = {
        updateItem: (input: Parameters<typeof world.dynamodb.updateItem>[0]) => {
          calls += 1;
          return calls > 1 ? Promise.reject(slow) : world.dynamodb.updateItem(input);
        },
      };
      const fix: BatchOptions["fix"] = ({ record }) => ({
        record: {
          ...record,
          dynamodb: { ...record.dynamodb, NewImage: { ...record.dynamodb?.NewImage, fixed: { BOOL: true } } },
        },
      });
      const clients = { ...world.options.clients, dynamodb: dynamodb as never };
      const first = await run(world, "republish", { clients, fix });
      expect(first).toMatchObject({ next: "more", counts: { received: 1, republished: 1 } });
      expect(await world.deadLetters()).toBe(2);
      expect(await run(world, "republish", { fix })).toMatchObject({
        next: "done",
        counts: { received: 2, republished: 2 },
      });
    });
  });

  describe("a REMOVE record", () => {
    /** Creates a world with the dead letter of a REMOVE record, as if the target had refused the removal. */
    const removed = async (): Promise<World> => {
      const world = await made();
      await world.put(item("o-1"));
      await world.drained();
      await world.dynamodb.deleteItem({ TableName: world.tableName, Key: { id: { S: "o-1" } } });
      await world.drained();
      const record = world.records.at(-1);
      expect(record?.eventName).toBe("REMOVE");
      const MessageBody = JSON.stringify({
        v: 1,
        id: "remove-1",
        pipeline: "orders",
        sink: "copy",
        code: "SINK_REJECTED",
        message: "",
        attempts: 1,
        firstFailedAt: new Date().toISOString(),
        record,
      });
      await world.sqs.sendMessage({ QueueUrl: world.queueUrl, MessageBody });
      return world;
    };

    test("is left by default", async () => {
      const world = await removed();
      expect((await run(world, "republish")).left).toEqual({ copy: { REMOVE_LEFT: 1 } });
      expect(await world.get("o-1")).toBeUndefined();
    });

    test("with put-and-delete, causes a put and a delete of its key, and so a new REMOVE record in the stream", async () => {
      const world = await removed();
      const before = world.records.length;
      expect((await run(world, "republish", { removes: "put-and-delete" })).counts).toMatchObject({ republished: 1 });
      await world.drained();
      expect(world.records.slice(before).map(({ eventName }) => eventName)).toEqual(["INSERT", "REMOVE"]);
      expect(world.records[before]?.dynamodb?.NewImage).toEqual({
        id: { S: "o-1" },
        sluiceRedrive: { S: "removed: remove-1" },
      });
      expect(await world.get("o-1")).toBeUndefined();
      expect(world.target.items().size).toBe(0);
    });

    test("causes no update of an item that exists again", async () => {
      const world = await removed();
      await world.put(item("o-1", { total: { N: "6" } }));
      await world.drained();
      const before = world.records.length;
      expect((await run(world, "republish", { removes: "put-and-delete" })).left).toEqual({
        copy: { ITEM_CHANGED: 1 },
      });
      await world.drained();
      expect(world.records).toHaveLength(before);
      expect(await world.get("o-1")).toEqual({ id: { S: "o-1" }, total: { N: "6" } });
    });

    test("causes no delete of an item that was written between the put and the delete", async () => {
      const world = await removed();
      const { dynamodb, tableName } = world;
      const racing = {
        updateItem: () => Promise.reject(new Error("not asked for")),
        putItem: async (input: Parameters<typeof dynamodb.putItem>[0]) => {
          await dynamodb.putItem(input);
          const Key = { id: { S: "o-1" } };
          await dynamodb.updateItem({
            TableName: tableName,
            Key,
            UpdateExpression: "SET #t = :t",
            ExpressionAttributeNames: { "#t": "total" },
            ExpressionAttributeValues: { ":t": { N: "9" } },
          });
        },
        deleteItem: (input: Parameters<typeof dynamodb.deleteItem>[0]) => dynamodb.deleteItem(input),
      };
      const clients = { ...world.options.clients, dynamodb: racing as never };
      const progress = await run(world, "republish", { clients, removes: "put-and-delete" });
      expect(progress.left).toEqual({ copy: { ITEM_CHANGED: 1 } });
      expect(await world.get("o-1")).toMatchObject({ total: { N: "9" } });
    });

    test("causes a delete of the item that a crash between put and delete has left", async () => {
      const world = await removed();
      const { dynamodb } = world;
      const crash = () => Promise.reject(Object.assign(new Error("killed"), { name: "InternalServerError" }));
      const crashing = { updateItem: crash, putItem: dynamodb.putItem.bind(dynamodb), deleteItem: crash };
      const clients = { ...world.options.clients, dynamodb: crashing as never };
      await expect(run(world, "republish", { clients, removes: "put-and-delete" })).rejects.toMatchObject({
        code: "REDRIVE_INTERRUPTED",
      });
      expect(await world.get("o-1")).toBeDefined();
      expect((await run(world, "republish", { removes: "put-and-delete" })).counts).toMatchObject({ republished: 1 });
      expect(await world.get("o-1")).toBeUndefined();
    });
  });
});
