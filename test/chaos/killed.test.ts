// A function that is killed by SIGKILL at every step of a batch: between a sink's write and the report, between dead
// letter and report, between spill and report, while it redrives. Whatever was at work in its environment goes with it.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { afterAll, describe, expect, jest, test } from "@jest/globals";
import { encodeEnvelope, type StreamRecord } from "@sluice/core/envelope";
import { dynamodbDedupe } from "@sluice/dedupe-dynamodb";
import { type Engines, engineOrSkip, sqsEventSourceMapping, startEngines } from "@sluice/local";
import { randomOf } from "../convergence/random.ts";
import { type Arrival, accountOf, balanced } from "./comparison.ts";
import { type FunctionSettings, mortalFunction } from "./crashing-function.ts";
import { eventSources } from "./event-sources.ts";
import { historyOf } from "./history.ts";
import { drainLetters } from "./queues.ts";
import { openRig } from "./rig.ts";
import { seeds } from "./seeds.ts";
import { liveSteps, redriveSteps } from "./steps.ts";

const wanted = { dynamodb: true, postgres: true, sqs: true } as const;

/** Room for a slow machine; nothing depends on it. */
jest.setTimeout(300_000);

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () => startEngines(wanted));

/** A message that was never answered for stays hidden as long. */
const functionTimeoutMs = 4_000;
const types = { functionResponseTypes: ["ReportBatchItemFailures"], functionTimeoutMs } as const;

/** Records of a round: the stream goes on until the function has died at every step. */
const roundSize = 20;
const mostRounds = 40;

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
    isHealed: false,
    dieAt: undefined,
  };
  const VisibilityTimeout = String(functionTimeoutMs / 1000);
  return { ...rig, settings, redriveUrl: await rig.createQueue("redrive", { VisibilityTimeout }) };
};

type Rig = Awaited<ReturnType<typeof open>>;

/** Feeds the stream until the function has died at every step, and all is done with; answers the records. */
const live = async ({ sqs, settings }: Rig, seed: number, steps: readonly string[]): Promise<StreamRecord[]> => {
  const records = historyOf(seed, { items: 25, changes: roundSize * mostRounds });
  const mortal = mortalFunction(settings, steps);
  const { append, mapping, retries, start, stop } = eventSources({
    handler: mortal.invoke,
    sqs,
    retryUrl: settings.retryUrl,
    functionTimeoutMs,
    ofStream: { batchSize: 10, pollIntervalMs: 20, retryDelayMs: () => 50 },
    ofQueue: { maximumConcurrency: 2, pollIntervalMs: 50 },
  });
  await start();
  let fed = 0;
  while (mortal.stepsLeft().length > 0 && fed < records.length) {
    append(records.slice(fed, fed + roundSize));
    fed += roundSize;
    await mapping.drained();
  }
  await retries.drained();
  await stop();
  await mortal.stop();
  expect(mortal.stepsLeft()).toEqual([]);
  return records.slice(0, fed);
};

/** Sends dead letters again until the queue is empty, and the function has died at every step. */
const redrive = async ({ sqs, settings, redriveUrl }: Rig, steps: readonly string[]): Promise<void> => {
  const mortal = mortalFunction({ ...settings, isHealed: true }, steps);
  const mapping = sqsEventSourceMapping({
    client: sqs,
    queueUrl: redriveUrl,
    handler: mortal.invoke,
    batchSize: 5,
    maximumConcurrency: 2,
    pollIntervalMs: 50,
    ...types,
  });
  await mapping.start();
  await mapping.drained();
  await mapping.stop();
  await mortal.stop();
  expect(mortal.stepsLeft()).toEqual([]);
};

describeWithEngines("chaos: a function that is killed at every step of a batch", (engines) => {
  test.each(seeds)("loses nothing, overwrites nothing, and keeps order (seed %i)", async (seed) => {
    const rig = await open(engines, seed);
    const { sqs, settings } = rig;
    const shuffled = (steps: readonly string[]): string[] => {
      const random = randomOf(seed);
      return steps
        .map((step) => ({ step, place: random.integer(1_000_000) }))
        .sort((a, b) => a.place - b.place)
        .map(({ step }) => step);
    };
    const records = await live(rig, seed, shuffled(liveSteps));

    const letters = await drainLetters(sqs, settings.deadLetterUrl);
    const [fifo, acquired] = [await rig.arrivalsIn(settings.fifoUrl), await rig.arrivalsIn(settings.standardUrl)];
    const account = (sink: string, arrivals: readonly Arrival[], rejected = letters) =>
      accountOf(records, sink, { kind: "arrivals", arrivals }, rejected);
    expect(letters.length).toBeGreaterThan(0);
    expect(accountOf(records, "postgres", await rig.rows(), letters)).toMatchObject(balanced);
    expect(account("fifo", fifo)).toMatchObject({ ...balanced, duplicates: 0 });
    expect(account("acquired", acquired)).toMatchObject(balanced);

    await rig.mend();
    for (const letter of letters) {
      await sqs.sendMessage({ QueueUrl: rig.redriveUrl, MessageBody: encodeEnvelope(letter) });
    }
    await redrive(rig, shuffled(redriveSteps));
    fifo.push(...(await rig.arrivalsIn(settings.fifoUrl)));
    acquired.push(...(await rig.arrivalsIn(settings.standardUrl)));
    // What was rejected has arrived after what came later: order is not judged again.
    const { misordered: _, ...complete } = balanced;
    expect(accountOf(records, "postgres", await rig.rows(), [])).toMatchObject(complete);
    expect(account("fifo", fifo, [])).toMatchObject({ ...complete, duplicates: 0 });
    expect(account("acquired", acquired, [])).toMatchObject(complete);
    // Killed between a request and its completion, at most what was in flight is sent again.
    expect(account("acquired", acquired, []).duplicates).toBeLessThanOrEqual(
      10 * (liveSteps.length + redriveSteps.length),
    );
    await rig.close();
  });
});
