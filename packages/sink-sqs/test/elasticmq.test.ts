// A second opinion where order matters: the kit, and a pipeline whose queue fails again and again, on ElasticMQ.

import { afterAll, describe, expect, test } from "@jest/globals";
import { pipeline } from "@sluice/core";
import { bodyText } from "@sluice/core/sink-kit";
import { type DrainedMessage, engineOrSkip, startElasticmq } from "@sluice/local";
import { streamEvent, tableHistory } from "@sluice/testing";
import { type SqsClient, type SqsMessage, sqsSink } from "../src/index.ts";
import { conformsOn } from "./kit.ts";
import { startTarget } from "./target.ts";

const describeWithElasticmq = await engineOrSkip({ describe, test, afterAll }, async () =>
  startTarget(await startElasticmq()),
);

const silent = { info: () => undefined, warn: () => undefined };

/** Every third request fails one of its entries, every seventh loses its answer. */
const failing = (client: SqsClient): SqsClient => {
  let requests = 0;
  return {
    sendMessageBatch: async ({ QueueUrl, Entries }, options) => {
      requests += 1;
      const spoilt = requests % 3 === 0 ? Entries.slice(0, 1) : [];
      const others = Entries.filter((entry) => !spoilt.includes(entry));
      const Failed = spoilt.map(({ Id }) => ({ Id, Code: "InternalError", SenderFault: false }));
      if (others.length === 0) return { Failed };
      const { Successful } = await client.sendMessageBatch({ QueueUrl, Entries: others }, options);
      if (requests % 7 === 0) throw new Error("the answer is lost");
      return { Successful, Failed };
    },
  };
};

const bodiesByGroup = (messages: readonly DrainedMessage[]): Record<string, number[]> => {
  const groups: Record<string, number[]> = {};
  for (const { body } of messages) {
    const { item, revision } = JSON.parse(body) as { item: string; revision: number };
    groups[item] = [...(groups[item] ?? []), revision];
  }
  return groups;
};

describeWithElasticmq("on ElasticMQ", (target) => {
  conformsOn(target, ".fifo");

  test("a FIFO queue gets every change once and in order, though requests fail and batches come again", async () => {
    const queueUrl = await target.createQueue(".fifo");
    const table = tableHistory({ keyNames: ["item"] });
    const items = Array.from({ length: 12 }, (_, index) => `item ${index}`);
    const revisions = [1, 2, 3, 4, 5];
    const records = revisions.flatMap((revision) => items.map((item) => table.put({ item, revision })));
    const handler = pipeline("orders", { onReject: "block", logger: silent, retry: { firstDelayMs: 1 } })
      .to(sqsSink({ queueUrl, client: failing(target.client) }), (change): SqsMessage => ({ body: change.after }))
      .handler();
    let left = records.length;
    for (let tries = 0; left > 0 && tries < 30; tries += 1) {
      // The whole batch again, as after a crash.
      left = (await handler(streamEvent(records))).batchItemFailures.length;
    }
    expect(left).toBe(0);
    expect(bodiesByGroup(await target.drain(queueUrl))).toEqual(
      Object.fromEntries(items.map((item) => [item, revisions])),
    );
  });

  test("takes the very characters that the sink sends, and no others", async () => {
    const queueUrl = await target.createQueue();
    const controls = Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code));
    const characters = [...controls, ..."\u007f\u0085\u2028\ud7ff\ue000\ufffd\ufffe\uffff\u{10000}\u{10ffff}"];
    const isSent = (body: string): boolean => {
      try {
        return bodyText("sqs", body) === body;
      } catch {
        return false;
      }
    };
    const isTaken = async (MessageBody: string): Promise<boolean> =>
      target.direct.sendMessage({ QueueUrl: queueUrl, MessageBody }).then(
        () => true,
        () => false,
      );
    const taken: string[] = [];
    for (const character of characters) if (await isTaken(`a${character}b`)) taken.push(character);
    expect(taken).toEqual(characters.filter((character) => isSent(`a${character}b`)));
    expect((await target.drain(queueUrl)).map(({ body }) => body)).toEqual(taken.map((character) => `a${character}b`));
  });

  test("a group id of the mapper's reaches a standard queue, for fair queues", async () => {
    const queueUrl = await target.createQueue();
    const handler = pipeline("orders", { onReject: "block", logger: silent })
      .to(
        sqsSink({ queueUrl, client: target.client }),
        (change) => ({ body: change.after, messageGroupId: "tenant-1" }),
        {
          dedupe: "none",
        },
      )
      .handler();
    await handler(streamEvent([tableHistory().put({ pk: "a", sk: "1" })]));
    const [message] = await target.drain(queueUrl);
    expect(message?.systemAttributes.MessageGroupId).toBe("tenant-1");
  });
});
