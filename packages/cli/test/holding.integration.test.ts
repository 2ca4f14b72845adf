// Tests of messages in flight. While a redrive runs, it extends the visibility timeouts of these messages. A redrive
// that is stopped releases the messages. After a killed redrive, they become visible when their timeouts end.

import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, startSqs } from "@sluice/local";
import { type BenchOptions, sumOf, withShop } from "./support/bench.ts";
import { deadLetterOf, newQueue } from "./support/dead-letters.ts";
import { runSluice } from "./support/sluice.ts";

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

const deadLetters = (count: number) =>
  Array.from({ length: count }, (_, index) => deadLetterOf(`item ${index}`, index + 1));

/** Makes the function's second invocation wait until the test calls `open`. */
const gate = () => {
  let open: () => void = () => undefined;
  let enter: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const entered = new Promise<void>((resolve) => {
    enter = resolve;
  });
  const before: BenchOptions["before"] = async (invocation) => {
    if (invocation !== 2) return;
    enter();
    await opened;
  };
  return { open, entered, before };
};

describeWithSqs("a message in flight", (engine) => {
  const client = new SQS(engine.clientConfig);
  afterAll(() => client.destroy());

  test.each(["SIGINT", "SIGTERM"] as const)("is released on %s, after the request in flight", async (signal) => {
    const { open, entered, before } = gate();
    await withShop(
      async ({ shop, startRedrive }) => {
        const queue = await newQueue(client);
        await queue.fill(deadLetters(30));
        const started = startRedrive(queue.url, "--rate", "10");
        await entered;
        started.child.kill(signal);
        await started.said(/stopping: the request in flight is finished, and the rest is released/);
        open();
        const ended = await started.ended;
        expect(sumOf(ended)).toBe("30 received = 20 delivered + 10 not sent");
        expect(ended).toMatchObject({
          code: 1,
          stdout: expect.stringContaining("10 not sent: the redrive was interrupted"),
        });
        expect(shop.orders.items().size).toBe(20);
        expect(await queue.counts()).toEqual({ visible: 10, hidden: 0 });
      },
      { before },
    );
  });

  test("is released on Ctrl-C while messages are being received", () =>
    withShop(async ({ shop, startRedrive }) => {
      const queue = await newQueue(client);
      await queue.fill(deadLetters(800));
      const started = startRedrive(queue.url, "--rate", "1");
      await started.said(/about 800 messages/);
      started.child.kill("SIGINT");
      const ended = await started.ended;
      expect(ended).toMatchObject({ code: 1, stdout: expect.stringMatching(/not sent: the redrive was interrupted/) });
      expect(await queue.counts()).toEqual({ visible: 800 - shop.orders.items().size, hidden: 0 });
    }));

  test("is visible again after a second Ctrl-C", async () => {
    const { open, entered, before } = gate();
    await withShop(
      async ({ startRedrive }) => {
        const queue = await newQueue(client, { VisibilityTimeout: "2" });
        await queue.fill(deadLetters(20));
        const started = startRedrive(queue.url, "--rate", "10");
        await entered;
        started.child.kill("SIGINT");
        await started.said(/stopping/);
        started.child.kill("SIGINT");
        expect(await started.ended).toMatchObject({ code: 130, stdout: "" });
        await sleep(2_500);
        expect(await queue.bodies()).toHaveLength(10);
        open();
      },
      { before },
    );
  });

  test("is visible again after kill -9, and the next run continues", async () => {
    const { open, entered, before } = gate();
    await withShop(
      async ({ shop, redrive, startRedrive }) => {
        const queue = await newQueue(client, { VisibilityTimeout: "6" });
        await queue.fill(deadLetters(30));
        const killed = startRedrive(queue.url, "--rate", "10");
        await entered;
        killed.child.kill("SIGKILL");
        expect(await killed.ended).toMatchObject({ code: undefined });
        open();
        await sleep(6_500);
        // The killed process has delivered ten messages with its last request, but has not deleted them from the queue.
        expect(await redrive(queue.url)).toMatchObject({
          code: 0,
          stdout: "20 received = 10 delivered + 10 superseded\n",
        });
        expect(shop.orders.items().size).toBe(30);
        expect(await queue.bodies()).toEqual([]);
      },
      { before },
    );
  });

  test("is not redriven if it is in flight at another consumer, but is reported", () =>
    withShop(async ({ redrive }) => {
      const queue = await newQueue(client);
      await queue.fill(deadLetters(5));
      const input = { QueueUrl: queue.url, MaxNumberOfMessages: 3, VisibilityTimeout: 600 };
      expect((await client.receiveMessage(input)).Messages).toHaveLength(3);
      const ended = await redrive(queue.url);
      expect(sumOf(ended)).toBe("2 received = 2 delivered");
      expect(ended).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/3 messages could not be received: in flight/),
      });
    }));

  test("is extended for as long as the redrive takes", () =>
    withShop(
      async ({ shop, startRedrive }) => {
        const queue = await newQueue(client, { VisibilityTimeout: "14" });
        await queue.fill(deadLetters(30));
        const started = startRedrive(queue.url, "--rate", "10");
        const stolen: unknown[] = [];
        let isOver = false;
        await started.said(/redriving/);
        const thief = (async () => {
          while (!isOver) {
            stolen.push(...((await client.receiveMessage({ QueueUrl: queue.url })).Messages ?? []));
            await sleep(50);
          }
        })();
        const ended = await started.ended;
        isOver = true;
        await thief;
        expect(ended).toMatchObject({ code: 0, stdout: "30 received = 30 delivered\n" });
        expect(stolen).toEqual([]);
        expect(shop.orders.requests()).toBe(3);
      },
      // Three requests take longer than the timeout of a message.
      { before: () => sleep(5_000) },
    ));

  test("is extended while a local handler blocks its thread", async () => {
    const queue = await newQueue(client, { VisibilityTimeout: "6" });
    await queue.fill(deadLetters(2));
    const handler = fileURLToPath(new URL("support/handlers.mjs#blocking", import.meta.url));
    const ended = await runSluice(["redrive", queue.url, "--handler", decodeURIComponent(handler), "--rate", "1"], {
      env: { BLOCK_MS: "7000", DELIVERED: "/dev/null" },
    });
    expect(ended).toMatchObject({ code: 0, stdout: "2 received = 2 delivered\n" });
  });
});
