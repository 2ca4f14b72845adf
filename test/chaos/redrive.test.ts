// A redrive of old dead letters must never overwrite newer changes. This includes repeated redrives, and redrives that
// run concurrently with other deliveries.

import { afterAll, describe, expect, jest, test } from "@jest/globals";
import { type PipelineHandler, pipeline, sqsDeadLetterQueue } from "@sluice/core";
import { type Envelope, encodeEnvelope, type MessageOutcome, type StreamRecord } from "@sluice/core/envelope";
import { engineOrSkip, eventSourceMapping, sqsEventSourceMapping, startEngines } from "@sluice/local";
import { postgresSink } from "@sluice/sink-postgres";
import { sqsSink } from "@sluice/sink-sqs";
import { type Comparison, compareWithStream } from "./comparison.ts";
import { type ChaosItem, historyOf, itemOf } from "./history.ts";
import { arrivalOf, rowOf } from "./message.ts";
import { drainDeadLetters } from "./queues.ts";
import { openRig } from "./rig.ts";
import { seeds } from "./seeds.ts";
import { twoShards } from "./stream.ts";

/** A long timeout, because the machine may be slow. */
jest.setTimeout(120_000);

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () =>
  startEngines({ postgres: true, sqs: true } as const),
);

const functionResponseTypes = ["ReportBatchItemFailures"] as const;

describeWithEngines("chaos: a redrive", (engines) => {
  const open = async (name: string) => {
    const rig = await openRig(engines, name, 30_000);
    const rows = postgresSink({ connection: { connectionString: rig.databaseUrl }, table: "items" });
    let isFixed = false;
    const handler: PipelineHandler = pipeline("redrive", {
      deadLetterQueue: sqsDeadLetterQueue({ queueUrl: rig.deadLetterUrl, client: rig.sqs }),
      logger: { info: () => undefined, warn: () => undefined },
    })
      .to(rows, ({ after }) => rowOf(after as unknown as ChaosItem))
      .to(
        sqsSink({ name: "fifo", queueUrl: rig.fifoUrl, client: rig.sqs }),
        (change) => {
          if (!isFixed && Number(change.after?.revision) % 10 === 3) throw new Error("a bug");
          return { body: arrivalOf(change) };
        },
        { dedupe: "native" },
      )
      .handler();
    const { stream, append } = twoShards();
    const mapping = eventSourceMapping({
      client: stream.client,
      streamArn: stream.streamArn,
      handler,
      startingPosition: "TRIM_HORIZON",
      batchSize: 5,
      parallelizationFactor: 2,
      pollIntervalMs: 10,
      functionResponseTypes,
    });
    await mapping.start();
    const deliver = async (records: readonly StreamRecord[]): Promise<void> => {
      append(records);
      await mapping.drained();
    };
    const fix = async (): Promise<void> => {
      isFixed = true;
      await rig.dropConstraint();
    };
    /** Redrives the dead letters with a redrive task. Returns the outcome of each dead letter. */
    const redrive = async (deadLetters: readonly Envelope[]): Promise<readonly MessageOutcome[]> => {
      const Records = deadLetters.map((envelope, index) => ({
        messageId: String(index),
        body: encodeEnvelope(envelope),
      }));
      const { outcomes = [] } = await handler({ sluice: { task: "redrive" }, Records });
      return outcomes;
    };
    const close = async (): Promise<void> => {
      await mapping.stop();
      await rows.close();
      await rig.close();
    };
    return { ...rig, handler, append, mapping, deliver, fix, redrive, close };
  };

  type Redriver = Awaited<ReturnType<typeof open>>;

  /** Compares both targets with the stream. All dead letters must have been redriven before. */
  const compareTargets = async (
    rig: Redriver,
    records: readonly StreamRecord[],
  ): Promise<Record<string, Comparison>> => ({
    postgres: compareWithStream(records, "postgres", await rig.rows(), []),
    fifo: compareWithStream(records, "fifo", { kind: "arrivals", arrivals: await rig.arrivalsIn(rig.fifoUrl) }, []),
  });

  const complete = { lost: 0, stale: 0, wrong: 0, duplicates: 0 };

  const ofPostgres = (deadLetters: readonly Envelope[]) => deadLetters.filter(({ sink }) => sink === "postgres");

  test.each(seeds)("of superseded changes has no effect, even if repeated (seed %i)", async (seed) => {
    const rig = await open(`superseded-${seed}`);
    const records = historyOf(seed, { items: 20, changes: 200 });
    await rig.deliver(records.slice(0, 100));
    const deadLetters = await drainDeadLetters(rig.sqs, rig.deadLetterUrl);
    await rig.fix();
    await rig.deliver(records.slice(100));
    const before = await rig.rows();
    // A dead letter is superseded if its item has a later change.
    const later = new Set(records.slice(100).map(itemOf));
    const superseded = deadLetters.filter(({ record }) => later.has(itemOf(record)));
    expect(ofPostgres(superseded).length).toBeGreaterThan(0);

    const outcomes = await rig.redrive(ofPostgres(superseded));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(outcomes.map(() => "superseded"));
    expect(await rig.rows()).toEqual(before);

    await rig.redrive(deadLetters);
    const afterFirst = await rig.rows();
    const again = await rig.redrive(ofPostgres(deadLetters));
    expect(again.map(({ outcome }) => outcome)).toEqual(again.map(() => "superseded"));
    expect(await rig.rows()).toEqual(afterFirst);
    // This redrive sends messages that the FIFO queue has already received. The FIFO queue discards them.
    await rig.redrive(deadLetters);
    expect(await compareTargets(rig, records)).toMatchObject({ postgres: complete, fifo: complete });
    await rig.close();
  });

  test.each(seeds)("converges while changes of the same items are delivered (seed %i)", async (seed) => {
    const rig = await open(`concurrent-${seed}`);
    const records = historyOf(seed, { items: 10, changes: 300 });
    await rig.deliver(records.slice(0, 150));
    const deadLetters = await drainDeadLetters(rig.sqs, rig.deadLetterUrl);
    expect(deadLetters.length).toBeGreaterThan(0);
    await rig.fix();
    const queueUrl = await rig.createQueue("redrive");
    // Each dead letter is sent three times, so that the redrive does not end before the deliveries from the stream.
    for (const envelope of [...deadLetters, ...deadLetters, ...deadLetters]) {
      await rig.sqs.sendMessage({ QueueUrl: queueUrl, MessageBody: encodeEnvelope(envelope) });
    }
    const redriving = sqsEventSourceMapping({
      client: rig.sqs,
      queueUrl,
      handler: rig.handler,
      batchSize: 2,
      functionResponseTypes,
      pollIntervalMs: 10,
    });
    await redriving.start();
    for (let index = 150; index < records.length; index += 10) {
      await rig.deliver(records.slice(index, index + 10));
    }
    await redriving.drained();
    await redriving.stop();
    expect(await compareTargets(rig, records)).toMatchObject({ postgres: complete, fifo: complete });
    await rig.close();
  });
});
