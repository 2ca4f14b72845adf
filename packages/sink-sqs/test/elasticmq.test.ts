// Runs the conformance kit on ElasticMQ, a second implementation of SQS, and tests the order of messages there.

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

/** Wraps a client. One entry of every third request fails, and the answer to every seventh request is lost. */
const failing = (client: SqsClient): SqsClient => {
  let requests = 0;
  return {
    sendMessageBatch: async ({ QueueUrl, Entries }, options) => {
      requests += 1;
      const failed = requests % 3 === 0 ? Entries.slice(0, 1) : [];
      const others = Entries.filter((entry) => !failed.includes(entry));
      const Failed = failed.map(({ Id }) => ({ Id, Code: "InternalError", SenderFault: false }));
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
  for (const owner of ["user", "sink"] as const) conformsOn(target, ".fifo", owner);

  test("a FIFO queue gets every change once and in order, although requests fail and batches are retried", async () => {
    const queueUrl = await target.createQueue(".fifo");
    const table = tableHistory({ keyNames: ["item"] });
    const items = Array.from({ length: 12 }, (_, index) => `item ${index}`);
    const revisions = [1, 2, 3, 4, 5];
    const records = revisions.flatMap((revision) => items.map((item) => table.put({ item, revision })));
    const handler = pipeline("orders", { onReject: "block", logger: silent, retry: { firstDelayMs: 1 } })
      .to(sqsSink({ queueUrl, client: failing(target.client) }), (change): SqsMessage => ({ body: change.after }))
      .handler();
    let left = records.length;
    for (let attempt = 0; left > 0 && attempt < 30; attempt += 1) {
      // If any record failed, the next attempt delivers the whole batch again, as after a crash.
      left = (await handler(streamEvent(records))).batchItemFailures.length;
    }
    expect(left).toBe(0);
    expect(bodiesByGroup(await target.drain(queueUrl))).toEqual(
      Object.fromEntries(items.map((item) => [item, revisions])),
    );
  });

  test("accepts exactly the characters that the sink sends", async () => {
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
    const isAccepted = async (MessageBody: string): Promise<boolean> =>
      target.direct.sendMessage({ QueueUrl: queueUrl, MessageBody }).then(
        () => true,
        () => false,
      );
    const accepted: string[] = [];
    for (const character of characters) if (await isAccepted(`a${character}b`)) accepted.push(character);
    expect(accepted).toEqual(characters.filter((character) => isSent(`a${character}b`)));
    expect((await target.drain(queueUrl)).map(({ body }) => body)).toEqual(
      accepted.map((character) => `a${character}b`),
    );
  });

  test("a standard queue gets the message's group id, which fair queues use", async () => {
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
