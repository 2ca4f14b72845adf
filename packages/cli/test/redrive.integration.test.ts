// Runs `sluice redrive` as a process, with a local queue. The command calls a real pipeline as a Lambda function.

import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { type Envelope, encodeEnvelope } from "@sluice/core/envelope";
import { engineOrSkip, startSqs } from "@sluice/local";
import { revisionsIn, sumOf, withShop } from "./support/bench.ts";
import { deadLetterOf, newQueue, recordOf } from "./support/dead-letters.ts";
import { bad } from "./support/shop.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

const ordered = (names: readonly string[]): Envelope[] => names.map((name, index) => deadLetterOf(name, index + 1));

describeWithSqs("sluice redrive", (engine) => {
  const client = new SQS(engine.clientConfig);
  afterAll(() => client.destroy());

  test("delivers dead letters only to the sink that failed, and empties the queue", () =>
    withShop(async ({ shop, redrive }) => {
      const queue = await newQueue(client);
      await queue.fill([...ordered(["a", "b", "c"]), deadLetterOf("d", 4, { sink: "feed" })]);
      const ended = await redrive(queue.url, "--to", "lambda");
      expect(ended).toMatchObject({ code: 0, stdout: "4 received = 4 delivered\n" });
      expect(revisionsIn(shop)).toEqual({ a: 1, b: 2, c: 3 });
      expect(shop.feed.sent().map(({ message }) => message.pk)).toEqual(["d"]);
      expect(await queue.counts()).toEqual({ visible: 0, hidden: 0 });
    }));

  test("run twice, or after newer changes, gives no item an older state: the messages are superseded", () =>
    withShop(async ({ shop, redrive }) => {
      const queue = await newQueue(client);
      await queue.fill([deadLetterOf("a", 5)]);
      expect(sumOf(await redrive(queue.url))).toBe("1 received = 1 delivered");
      await queue.fill([deadLetterOf("a", 5), deadLetterOf("a", 3)]);
      const again = await redrive(queue.url);
      expect(again).toMatchObject({ code: 0, stdout: "2 received = 2 superseded\n" });
      expect(revisionsIn(shop)).toEqual({ a: 5 });
      expect(await queue.counts()).toEqual({ visible: 0, hidden: 0 });
    }));

  test("leaves messages that are still rejected, and shows the code and the reason without values", () =>
    withShop(async ({ redrive }) => {
      const queue = await newQueue(client);
      await queue.fill([deadLetterOf("a"), deadLetterOf(bad, 2), deadLetterOf(bad, 3)]);
      const ended = await redrive(queue.url);
      expect(ended.code).toBe(1);
      expect(ended.stdout).toMatch(
        /^3 received = 1 delivered \+ 2 rejected\n {2}2 rejected, MAPPING_FAILED: such as \[orders\] .*TypeError/,
      );
      expect(ended.stdout + ended.stderr).not.toMatch(/secret|local-secret/);
      expect(await queue.counts()).toEqual({ visible: 2, hidden: 0 });
    }));

  test("keeps the order of each item in a shuffled queue", () =>
    withShop(async ({ shop, redrive, lambda }) => {
      const queue = await newQueue(client);
      const names = ["a", "b", "c"];
      const deadLetters = names.flatMap((name, item) =>
        Array.from({ length: 60 }, (_, index) => deadLetterOf(name, item * 60 + index + 1, { sink: "feed" })),
      );
      const shuffled = deadLetters.map((deadLetter, index) => ({ deadLetter, rank: (index * 7919) % 181 }));
      shuffled.sort((one, other) => one.rank - other.rank);
      await queue.fill(shuffled.map(({ deadLetter }) => deadLetter));
      expect(sumOf(await redrive(queue.url))).toBe("180 received = 180 delivered");
      expect(lambda.invocations.length).toBeGreaterThan(1);
      for (const [item, name] of names.entries()) {
        const revisions = shop.feed.sent().filter(({ message }) => message.pk === name);
        expect(revisions.map(({ message }) => message.revision)).toEqual(
          Array.from({ length: 60 }, (_, index) => item * 60 + index + 1),
        );
      }
    }));

  test("sends several copies of one dead letter once, and deletes all of them", () =>
    withShop(async ({ shop, redrive }) => {
      const queue = await newQueue(client);
      const deadLetter = deadLetterOf("a", 1, { sink: "feed" });
      await queue.fill([
        deadLetter,
        deadLetter,
        deadLetterOf("b", 2, { sink: "feed" }),
        { ...deadLetter, code: "SINK_TIMEOUT" },
      ]);
      expect(await redrive(queue.url, "--code", "SINK_REJECTED")).toMatchObject({
        code: 0,
        stdout: "4 received = 2 delivered + 2 copies\n",
      });
      expect(shop.feed.sent()).toHaveLength(2);
      expect(await queue.counts()).toEqual({ visible: 0, hidden: 0 });
    }));

  test("leaves the dead letter of another pipeline with the same id in the queue", () =>
    withShop(async ({ redrive }) => {
      const queue = await newQueue(client);
      const own = deadLetterOf("a", 1, { sink: "feed" });
      await queue.fill([own, { ...own, pipeline: "warehouse" }]);
      expect((await redrive(queue.url)).stdout).not.toMatch(/cop(y|ies)/);
      expect(await queue.counts()).toEqual({ visible: 1, hidden: 0 });
    }));

  test("does not send a change of an item while an earlier change must be retried", () =>
    withShop(async ({ shop, redrive }) => {
      const queue = await newQueue(client);
      const changes = Array.from({ length: 150 }, (_, index) => deadLetterOf("a", index + 1, { sink: "feed" }));
      await queue.fill([...changes, deadLetterOf("b", 200, { sink: "feed" })]);
      shop.feed.fail({ kind: "throttle-one", change: { eventId: recordOf("a", 40).eventID } as never });
      const ended = await redrive(queue.url);
      expect(sumOf(ended)).toBe("151 received = 40 delivered + 61 to be retried + 50 not sent");
      expect(ended.code).toBe(1);
      expect(ended.stdout).toMatch(/61 to be retried, SINK_THROTTLED.*\n.*50 not sent: an earlier change of its item/);
      expect(await queue.counts()).toEqual({ visible: 111, hidden: 0 });
    }));

  describe("releases unchanged", () => {
    const mixed = [
      deadLetterOf("a", 1, { code: "SINK_TIMEOUT" }),
      deadLetterOf("b", 2, { sink: "feed" }),
      deadLetterOf("c", 3, { firstFailedAt: new Date().toISOString() }),
      "no JSON at all",
      JSON.stringify({ v: 7, id: "x" }),
    ];
    const bodiesOf = (deadLetters: readonly (Envelope | string)[]) =>
      deadLetters
        .map((deadLetter) => (typeof deadLetter === "string" ? deadLetter : encodeEnvelope(deadLetter)))
        .sort();

    test.each([
      [["--sink", "feed"], [1]],
      [
        ["--sink", "feed", "--sink", "orders"],
        [0, 1, 2],
      ],
      [["--code", "SINK_TIMEOUT"], [0]],
      [["--since", "1h"], [2]],
      [["--since", "2026-01-02T03:04:05.001Z"], [2]],
      [
        ["--since", "2026-01-02T03:04:05Z"],
        [0, 1, 2],
      ],
      [["--key", '{"pk":"b","sk":1}'], [1]],
      [
        ["--key", '{"sk":{"N":"1"},"pk":{"S":"a"}}', "--key", '{"pk":"b"}'],
        [0, 1],
      ],
      [["--key", '{"pk":"b","sk":"1"}'], []],
    ])("messages that %j does not select", (args, taken) =>
      withShop(async ({ redrive }) => {
        const queue = await newQueue(client);
        await queue.fill(mixed);
        const ended = await redrive(queue.url, ...args);
        const delivered = taken.length === 0 ? "" : `${taken.length} delivered + `;
        const others = taken.length === 3 ? "" : `${3 - taken.length} not selected + `;
        expect(sumOf(ended)).toBe(`5 received = ${delivered}${others}2 unsupported`);
        expect(ended.code).toBe(0);
        expect((await queue.bodies()).sort()).toEqual(bodiesOf(mixed.filter((_, index) => !taken.includes(index))));
      }),
    );

    test("unsupported messages, which count as left if no filter is given", () =>
      withShop(async ({ redrive }) => {
        const queue = await newQueue(client);
        await queue.fill(["no JSON", deadLetterOf("a")]);
        expect(await redrive(queue.url)).toMatchObject({
          code: 1,
          stdout: expect.stringMatching(
            /^2 received = 1 delivered \+ 1 unsupported\n {2}1 unsupported message \(no envelope\): \S+\n$/,
          ),
        });
        expect(await queue.bodies()).toEqual(["no JSON"]);
      }));

    test("a dead letter of another pipeline, which the handler refuses", () =>
      withShop(async ({ redrive }) => {
        const queue = await newQueue(client);
        const foreign = deadLetterOf("a", 1, { pipeline: "another" });
        await queue.fill([foreign, deadLetterOf("b", 2)]);
        const ended = await redrive(queue.url);
        expect(ended).toMatchObject({ code: 1, stdout: expect.stringContaining("1 delivered + 1 to be retried") });
        expect(ended.stdout).toMatch(/RECORD_MALFORMED: a message holds an envelope of another pipeline/);
        expect(await queue.bodies()).toEqual([encodeEnvelope(foreign)]);
      }));
  });

  test("reports the outcomes in a dry run, and writes and removes nothing", () =>
    withShop(async ({ shop, redrive, lambda }) => {
      const queue = await newQueue(client);
      await queue.fill([deadLetterOf("a", 9)]);
      await redrive(queue.url);
      const left = [
        deadLetterOf("a", 5),
        deadLetterOf("b", 1),
        deadLetterOf(bad, 2),
        deadLetterOf("c", 3, { sink: "feed" }),
      ];
      await queue.fill(left);
      const ended = await redrive(queue.url, "--dry-run");
      expect(sumOf(ended)).toBe(
        "4 received = 1 would be delivered + 1 would be sent (the target was not asked) + 1 would be superseded + 1 would be rejected",
      );
      expect(ended).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/\n {2}1 rejected, MAPPING_FAILED: \[orders\]/),
      });
      expect(revisionsIn(shop)).toEqual({ a: 9 });
      expect(shop.feed.sent()).toEqual([]);
      expect(lambda.invocations.at(-1)?.event.sluice).toEqual({ task: "redrive", dryRun: true });
      expect(await queue.counts()).toEqual({ visible: 4, hidden: 0 });
    }));

  test("sends --max-messages messages, the earliest changes of an item first", () =>
    withShop(async ({ shop, redrive }) => {
      const queue = await newQueue(client);
      await queue.fill([3, 1, 2].map((position) => deadLetterOf("a", position, { sink: "feed" })));
      const ended = await redrive(queue.url, "--max-messages", "2");
      expect(ended).toMatchObject({
        code: 1,
        stdout: expect.stringContaining("3 received = 2 delivered + 1 not sent\n"),
      });
      expect(shop.feed.sent().map(({ message }) => message.revision)).toEqual([1, 2]);
      expect(await queue.counts()).toEqual({ visible: 1, hidden: 0 });
    }));

  test("keeps each request under Lambda's six megabytes", () =>
    withShop(async ({ redrive, lambda }) => {
      const queue = await newQueue(client);
      const big = Array.from({ length: 12 }, (_, index) =>
        deadLetterOf(`item ${index}`, index + 1, {
          record: recordOf(`item ${index}`, index + 1, { text: '"'.repeat(390_000) }),
        }),
      );
      await queue.fill(big);
      expect(sumOf(await redrive(queue.url))).toBe("12 received = 12 delivered");
      const sizes = lambda.invocations.map(({ bytes }) => bytes);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(6_000_000);
      expect(sizes.length).toBeGreaterThan(1);
    }));
});
