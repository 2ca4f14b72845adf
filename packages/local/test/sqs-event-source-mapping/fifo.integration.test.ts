// Tests that both engines keep a group's order. fauxqs delivers one message of a group at a time, ElasticMQ up to ten.

import { afterAll, describe, expect, test } from "@jest/globals";
import { engineOrSkip, type SqsRecord, startElasticmq, startSqs } from "../../src/index.ts";
import { bodiesOf, failing, openQueueRig, type Script } from "./rig.ts";

const engines = { fauxqs: startSqs, elasticmq: startElasticmq } as const;

/** Reports a message with this body as failed. To keep the order, also reports the later messages of its group. */
const failingFrom =
  (body: string, times: number): Script =>
  (records) => {
    const first = records.findIndex((record) => record.body === body);
    const found = records[first];
    if (found === undefined || Number(found.attributes.ApproximateReceiveCount) > times) return undefined;
    const isBehind = (record: SqsRecord, index: number): boolean =>
      index >= first && record.attributes.MessageGroupId === found.attributes.MessageGroupId;
    return failing(...records.filter(isBehind));
  };

for (const [name, start] of Object.entries(engines)) {
  const describeWithEngine = await engineOrSkip({ describe, test, afterAll }, () => start());

  describeWithEngine(`the event source mapping of a FIFO queue on ${name}`, (engine) => {
    test("delivers the messages of a group in order, with their group id", async () => {
      const rig = await openQueueRig(engine, undefined, { fifo: true });
      const bodies = Array.from({ length: 30 }, (_, index) => `${"abc"[index % 3]}${index}`);
      await rig.send(...bodies);
      await rig.run();
      for (const group of "abc") {
        const seen = rig.batches.flat().filter(({ attributes }) => attributes.MessageGroupId === group);
        expect(bodiesOf(seen)).toEqual(bodies.filter((body) => body.startsWith(group)));
      }
    });

    test("blocks a group behind its failed message, and no other group", async () => {
      const rig = await openQueueRig(engine, failingFrom("a2", 1), { fifo: true, visibilityTimeout: 5 });
      await rig.send("a1", "a2", "a3", "b1", "b2", "b3");
      await rig.run();
      const seen = bodiesOf(rig.batches.flat());
      const firstOf = (body: string): number => seen.indexOf(body);
      const lastOf = (body: string): number => seen.lastIndexOf(body);
      expect(seen.filter((body) => body === "a2").length).toBe(2);
      expect(lastOf("a3")).toBeGreaterThan(lastOf("a2"));
      expect(firstOf("b3")).toBeLessThan(lastOf("a2"));
      expect(seen.filter((body) => body.startsWith("b"))).toEqual(["b1", "b2", "b3"]);
    });
  });
}
