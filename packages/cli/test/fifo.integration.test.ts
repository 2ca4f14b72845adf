// Tests how a redrive copes with a FIFO queue, which returns no messages of a group that has messages in flight.

import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startElasticmq, startSqs } from "@sluice/local";
import { sumOf, withShop } from "./support/bench.ts";
import { deadLetterOf, newQueue } from "./support/dead-letters.ts";
import { bad } from "./support/shop.ts";

const engines = [
  ["fauxqs", await engineOrSkip({ describe, test, afterAll }, () => startSqs())],
  ["ElasticMQ", await engineOrSkip({ describe, test, afterAll }, () => startElasticmq())],
] as const;

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

const feedOf = (name: string, positions: readonly number[]) =>
  positions.map((position) => deadLetterOf(name, position, { sink: "feed" }));

for (const [name, describeWithQueues] of engines) {
  describeWithQueues(`a FIFO queue of ${name}`, (engine) => {
    const client = new SQS(engine.clientConfig);
    afterAll(() => client.destroy());
    const endpoint = ["--endpoint-url", engine.endpoint];

    test("is redriven in rounds, in order, until it is empty", () =>
      withShop(async ({ shop, redrive }) => {
        const queue = await newQueue(client, {}, true);
        await queue.fill([...feedOf("a", range(1, 25)), ...feedOf("b", range(101, 112)), ...feedOf("c", [200])]);
        expect(await redrive(queue.url, ...endpoint)).toMatchObject({
          code: 0,
          stdout: "38 received = 38 delivered\n",
        });
        for (const [item, positions] of [
          ["a", range(1, 25)],
          ["b", range(101, 112)],
        ] as const) {
          const sent = shop.feed.sent().filter(({ message }) => message.pk === item);
          expect(sent.map(({ message }) => message.revision)).toEqual(positions);
        }
        expect(await queue.counts()).toEqual({ visible: 0, hidden: 0 });
      }));

    test("keeps the messages behind a dead letter that stays, and reports them", () =>
      withShop(async ({ shop, redrive }) => {
        const queue = await newQueue(client, {}, true);
        await queue.fill([...range(1, 15).map((position) => deadLetterOf(bad, position)), deadLetterOf("b", 50)]);
        const ended = await redrive(queue.url, ...endpoint);
        const [, received = "", rejected = ""] =
          /^(\d+) received = 1 delivered \+ (\d+) rejected/.exec(sumOf(ended)) ?? [];
        expect(Number(received)).toBe(Number(rejected) + 1);
        expect(ended).toMatchObject({
          code: 1,
          stdout: expect.stringMatching(/of the FIFO queue could not be received/),
        });
        expect(shop.orders.items().size).toBe(1);
        expect(await queue.counts()).toEqual({ visible: 15, hidden: 0 });
      }));
  });
}

test("a copy that becomes available after the first message was sent is deleted, and not sent again", async () => {
  const engine = await startSqs();
  const client = new SQS(engine.clientConfig);
  try {
    await withShop(async ({ shop, redrive }) => {
      const queue = await newQueue(client, {}, true);
      const [deadLetter] = feedOf("a", [1]);
      await queue.fill([deadLetter, deadLetter, deadLetter].flatMap((one) => (one === undefined ? [] : [one])));
      expect(await redrive(queue.url)).toMatchObject({ code: 0, stdout: "3 received = 1 delivered + 2 copies\n" });
      expect(shop.feed.sent()).toHaveLength(1);
      expect(await queue.counts()).toEqual({ visible: 0, hidden: 0 });
    });
  } finally {
    client.destroy();
    await engine.stop();
  }
});
