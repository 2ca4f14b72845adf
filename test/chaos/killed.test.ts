// SIGKILL ends the function's environment once at every step: before and after the write of a sink, of a dead letter
// and of the retry queue, before the response, and during a redrive.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, describe, expect, jest, test } from "@jest/globals";
import { encodeEnvelope, type StreamRecord } from "@sluice/core/envelope";
import { dynamodbDedupe } from "@sluice/dedupe-dynamodb";
import { type Engines, engineOrSkip, sqsEventSourceMapping, startEngines } from "@sluice/local";
import { randomOf } from "../convergence/random.ts";
import { type Arrival, compareWithStream, noErrors } from "./comparison.ts";
import { crashingFunction, type FunctionSettings } from "./crashing-function.ts";
import { eventSources } from "./event-sources.ts";
import { historyOf } from "./history.ts";
import { drainDeadLetters } from "./queues.ts";
import { openRig } from "./rig.ts";
import { seeds } from "./seeds.ts";
import { liveSteps, redriveSteps } from "./steps.ts";

const wanted = { dynamodb: true, postgres: true, sqs: true } as const;

/** A long timeout, because the machine may be slow. */
jest.setTimeout(300_000);

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () => startEngines(wanted));

/** Timeout of the function. If the function crashes, its messages from the queue stay hidden for this long. */
const functionTimeoutMs = 4_000;
const types = { functionResponseTypes: ["ReportBatchItemFailures"], functionTimeoutMs } as const;

/** Number of records that one round adds. The rounds continue until the function has crashed at every step. */
const roundSize = 20;
const mostRounds = 200;

const open = async (engines: Engines<typeof wanted>, seed: number) => {
  const name = `killed-${seed}`;
  const rig = await openRig(engines, name, functionTimeoutMs);
  const tables = new DynamoDBClient(engines.dynamodb.clientConfig);
  await dynamodbDedupe({ tableName: name, client: tables }).ensure();
  tables.destroy();
  const settings: FunctionSettings = {
    ...rig,
    sqs: engines.sqs.clientConfig,
    dynamodb: engines.dynamodb.clientConfig,
    dedupeTable: name,
    standardUrl: await rig.createQueue("standard"),
    seed,
    isFixed: false,
    crashAt: undefined,
  };
  const VisibilityTimeout = String(functionTimeoutMs / 1000);
  return { ...rig, settings, redriveUrl: await rig.createQueue("redrive", { VisibilityTimeout }) };
};

type Rig = Awaited<ReturnType<typeof open>>;

/**
 * Adds records to the stream until the function has crashed at every step and handled all records. Returns the records.
 */
const runLive = async ({ sqs, settings }: Rig, seed: number, steps: readonly string[]): Promise<StreamRecord[]> => {
  const records = historyOf(seed, { items: 25, changes: roundSize * mostRounds });
  const crashing = crashingFunction(settings, steps);
  const { append, mapping, retries, start, stop } = eventSources({
    handler: crashing.invoke,
    sqs,
    retryUrl: settings.retryUrl,
    functionTimeoutMs,
    ofStream: { batchSize: 10, pollIntervalMs: 20, retryDelayMs: () => 50 },
    ofQueue: { maximumConcurrency: 2, pollIntervalMs: 50 },
  });
  await start();
  let fed = 0;
  while (crashing.stepsLeft().length > 0 && fed < records.length) {
    append(records.slice(fed, fed + roundSize));
    fed += roundSize;
    await mapping.drained();
  }
  await retries.drained();
  await stop();
  await crashing.stop();
  expect(crashing.stepsLeft()).toEqual([]);
  return records.slice(0, fed);
};

/** Processes the redrive queue until the queue is empty and the function has crashed at every step. */
const redrive = async ({ sqs, settings, redriveUrl }: Rig, steps: readonly string[]): Promise<void> => {
  const crashing = crashingFunction({ ...settings, isFixed: true }, steps);
  const mapping = sqsEventSourceMapping({
    client: sqs,
    queueUrl: redriveUrl,
    handler: crashing.invoke,
    batchSize: 5,
    maximumConcurrency: 2,
    pollIntervalMs: 50,
    ...types,
  });
  await mapping.start();
  await mapping.drained();
  await mapping.stop();
  await crashing.stop();
  expect(crashing.stepsLeft()).toEqual([]);
};

describeWithEngines("chaos: a function that is killed at every step of a batch", (engines) => {
  test.each(seeds)("loses no change, overwrites no newer change and keeps the order (seed %i)", async (seed) => {
    const rig = await open(engines, seed);
    const { sqs, settings } = rig;
    const shuffled = (steps: readonly string[]): string[] => {
      const random = randomOf(seed);
      return steps
        .map((step) => ({ step, place: random.integer(1_000_000) }))
        .sort((a, b) => a.place - b.place)
        .map(({ step }) => step);
    };
    const records = await runLive(rig, seed, shuffled(liveSteps));

    const deadLetters = await drainDeadLetters(sqs, settings.deadLetterUrl);
    const [fifo, acquired] = [await rig.arrivalsIn(settings.fifoUrl), await rig.arrivalsIn(settings.standardUrl)];
    const compare = (sink: string, arrivals: readonly Arrival[], rejected = deadLetters) =>
      compareWithStream(records, sink, { kind: "arrivals", arrivals }, rejected);
    expect(deadLetters.length).toBeGreaterThan(0);
    expect(compareWithStream(records, "postgres", await rig.rows(), deadLetters)).toMatchObject(noErrors);
    expect(compare("fifo", fifo)).toMatchObject({ ...noErrors, duplicates: 0 });
    expect(compare("acquired", acquired)).toMatchObject(noErrors);

    await rig.dropConstraint();
    for (const envelope of deadLetters) {
      await sqs.sendMessage({ QueueUrl: rig.redriveUrl, MessageBody: encodeEnvelope(envelope) });
    }
    await redrive(rig, shuffled(redriveSteps));
    fifo.push(...(await rig.arrivalsIn(settings.fifoUrl)));
    acquired.push(...(await rig.arrivalsIn(settings.standardUrl)));
    // Rejected changes arrived through a redrive, after later changes, so the order is not checked here.
    const { misordered: _, ...complete } = noErrors;
    expect(compareWithStream(records, "postgres", await rig.rows(), [])).toMatchObject(complete);
    expect(compare("fifo", fifo, [])).toMatchObject({ ...complete, duplicates: 0 });
    expect(compare("acquired", acquired, [])).toMatchObject(complete);
    // Each crash may repeat at most ten deliveries: those that were sent, but not yet marked as completed.
    expect(compare("acquired", acquired, []).duplicates).toBeLessThanOrEqual(
      10 * (liveSteps.length + redriveSteps.length),
    );
    await rig.close();
  });
});
