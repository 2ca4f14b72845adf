// Redrives of dead letters that have grown old: nothing goes backwards, whatever the table has done since, however often
// they are sent, and whatever is under way beside them.

import { afterAll, describe, expect, jest, test } from "@jest/globals";
import { type PipelineHandler, pipeline, sqsDeadLetterQueue } from "@sluice/core";
import { type Envelope, encodeEnvelope, type MessageOutcome, type StreamRecord } from "@sluice/core/envelope";
import { engineOrSkip, eventSourceMapping, sqsEventSourceMapping, startEngines } from "@sluice/local";
import { postgresSink } from "@sluice/sink-postgres";
import { sqsSink } from "@sluice/sink-sqs";
import { type Account, accountOf } from "./comparison.ts";
import { type ChaosItem, historyOf, itemOf } from "./history.ts";
import { arrivalOf, rowOf } from "./message.ts";
import { drainLetters } from "./queues.ts";
import { openRig } from "./rig.ts";
import { seeds } from "./seeds.ts";
import { twoShards } from "./stream.ts";

/** Room for a slow machine; nothing depends on it. */
jest.setTimeout(120_000);

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () =>
  startEngines({ postgres: true, sqs: true } as const),
);

const functionResponseTypes = ["ReportBatchItemFailures"] as const;

describeWithEngines("chaos: a redrive", (engines) => {
  const open = async (name: string) => {
    const rig = await openRig(engines, name, 30_000);
    const rows = postgresSink({ connection: { connectionString: rig.databaseUrl }, table: "items" });
    let isMended = false;
    const handler: PipelineHandler = pipeline("redrive", {
      deadLetterQueue: sqsDeadLetterQueue({ queueUrl: rig.deadLetterUrl, client: rig.sqs }),
      logger: { info: () => undefined, warn: () => undefined },
    })
      .to(rows, ({ after }) => rowOf(after as unknown as ChaosItem))
      .to(
        sqsSink({ name: "fifo", queueUrl: rig.fifoUrl, client: rig.sqs }),
        (change) => {
          if (!isMended && Number(change.after?.revision) % 10 === 3) throw new Error("a bug");
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
    const mend = async (): Promise<void> => {
      isMended = true;
      await rig.mend();
    };
    /** As a program redrives: answers what became of each letter. */
    const redrive = async (letters: readonly Envelope[]): Promise<readonly MessageOutcome[]> => {
      const Records = letters.map((letter, index) => ({ messageId: String(index), body: encodeEnvelope(letter) }));
      const { outcomes = [] } = await handler({ sluice: { task: "redrive" }, Records });
      return outcomes;
    };
    const close = async (): Promise<void> => {
      await mapping.stop();
      await rows.close();
      await rig.close();
    };
    return { ...rig, handler, append, mapping, deliver, mend, redrive, close };
  };

  type Redriver = Awaited<ReturnType<typeof open>>;

  /** Both targets' books, all dead letters redriven. */
  const accounts = async (rig: Redriver, records: readonly StreamRecord[]): Promise<Record<string, Account>> => ({
    postgres: accountOf(records, "postgres", await rig.rows(), []),
    fifo: accountOf(records, "fifo", { kind: "arrivals", arrivals: await rig.arrivalsIn(rig.fifoUrl) }, []),
  });

  const complete = { lost: 0, stale: 0, wrong: 0, duplicates: 0 };

  const ofPostgres = (letters: readonly Envelope[]) => letters.filter(({ sink }) => sink === "postgres");

  test.each(seeds)("of what has been overtaken changes nothing, however often (seed %i)", async (seed) => {
    const rig = await open(`overtaken-${seed}`);
    const records = historyOf(seed, { items: 20, changes: 200 });
    await rig.deliver(records.slice(0, 100));
    const letters = await drainLetters(rig.sqs, rig.deadLetterUrl);
    await rig.mend();
    await rig.deliver(records.slice(100));
    const before = await rig.rows();
    // Only of items that went on.
    const later = new Set(records.slice(100).map(itemOf));
    const overtaken = letters.filter(({ record }) => later.has(itemOf(record)));
    expect(ofPostgres(overtaken).length).toBeGreaterThan(0);

    const outcomes = await rig.redrive(ofPostgres(overtaken));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(outcomes.map(() => "superseded"));
    expect(await rig.rows()).toEqual(before);

    await rig.redrive(letters);
    const once = await rig.rows();
    const again = await rig.redrive(ofPostgres(letters));
    expect(again.map(({ outcome }) => outcome)).toEqual(again.map(() => "superseded"));
    expect(await rig.rows()).toEqual(once);
    // The queue discards what it has seen.
    await rig.redrive(letters);
    expect(await accounts(rig, records)).toMatchObject({ postgres: complete, fifo: complete });
    await rig.close();
  });

  test.each(seeds)("while changes of the same items come converges (seed %i)", async (seed) => {
    const rig = await open(`beside-${seed}`);
    const records = historyOf(seed, { items: 10, changes: 300 });
    await rig.deliver(records.slice(0, 150));
    const letters = await drainLetters(rig.sqs, rig.deadLetterUrl);
    expect(letters.length).toBeGreaterThan(0);
    await rig.mend();
    const queueUrl = await rig.createQueue("redrive");
    // Three times over, so that the redrive lasts as long as the traffic.
    for (const letter of [...letters, ...letters, ...letters]) {
      await rig.sqs.sendMessage({ QueueUrl: queueUrl, MessageBody: encodeEnvelope(letter) });
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
    expect(await accounts(rig, records)).toMatchObject({ postgres: complete, fifo: complete });
    await rig.close();
  });
});
