// The pipeline's own queues fall ill in the midst of a batch: what neither the retry queue nor the dead letters take must
// come again from the stream, and is never taken for stored.

import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, jest, test } from "@jest/globals";
import { type Change, pipeline, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import { engineOrSkip, startEngines } from "@sluice/local";
import { postgresSink } from "@sluice/sink-postgres";
import { sqsSink } from "@sluice/sink-sqs";
import { memoryDedupe } from "@sluice/testing";
import { randomOf } from "../convergence/random.ts";
import { accountOf, balanced } from "./comparison.ts";
import { eventSources } from "./event-sources.ts";
import { type AnySink, flaky } from "./flaky.ts";
import { type ChaosItem, historyOf } from "./history.ts";
import { httpFaults } from "./http-faults.ts";
import { arrivalOf, rowOf } from "./message.ts";
import { drainLetters } from "./queues.ts";
import { openRig } from "./rig.ts";
import { seeds } from "./seeds.ts";
import type { Fault } from "./target.ts";

/** Room for a slow machine; nothing depends on it. */
jest.setTimeout(120_000);

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () =>
  startEngines({ postgres: true, sqs: true } as const),
);

const changes = 160;
const functionTimeoutMs = 4_000;

/** A bug of the mapper's. */
const mapped = (change: Change) => {
  if (Number(change.after?.revision) % 10 === 3) throw new Error("a bug");
  return { body: arrivalOf(change) };
};

/** What SQS might say of messages that it has not stored. */
const bodies = ['{"Successful":[]}', '{"Failed":[{}]}', '{"Successful":null}'];

/** What the queues are needed for: what is to be retried, or what is rejected alone, which nothing else brings again. */
type Need = "spills" | "letters";

describeWithEngines("chaos: queues of the pipeline that fall ill in the midst of a batch", (engines) => {
  const cases = seeds.flatMap((seed) =>
    (["spills", "letters"] as const).flatMap((need) =>
      (["stop", "silent", "nonsense"] as const).map((fault): [Need, Fault, number] => [need, fault, seed]),
    ),
  );

  test.each(cases)("%s: %s (seed %i)", async (need, fault, seed) => {
    const rig = await openRig(engines, `ill-queues-${need}-${fault}-${seed}`, functionTimeoutMs);
    const random = randomOf(seed);
    const failing = <Kind extends AnySink>(sink: Kind): Kind => (need === "spills" ? flaky(sink, random) : sink);
    const faults = await httpFaults(engines.sqs.endpoint, bodies);
    const { endpoint } = faults;
    const client = new SQS({ ...engines.sqs.clientConfig, endpoint, useQueueUrlAsEndpoint: false, maxAttempts: 1 });
    const rows = postgresSink({ connection: { connectionString: rig.databaseUrl }, table: "items" });
    const { retryUrl, deadLetterUrl, fifoUrl } = rig;
    const handler = pipeline("ill-queues", {
      deadLetterQueue: sqsDeadLetterQueue({ queueUrl: deadLetterUrl, client }),
      retryQueue: sqsRetryQueue({ queueUrl: retryUrl, client, firstDelaySeconds: 1, maxDelaySeconds: 1 }),
      dedupeStore: memoryDedupe(),
      retry: { maxAttempts: 1 },
      timeoutBufferMs: 3_000,
      logger: { info: () => undefined, warn: () => undefined },
    })
      .to(failing(rows), ({ after }) => rowOf(after as unknown as ChaosItem))
      .to(failing(sqsSink({ name: "fifo", queueUrl: fifoUrl, client: rig.sqs })), mapped, { dedupe: "native" })
      .handler();

    const records = historyOf(seed, { items: 30, changes });
    const { append, mapping, retries, start, stop } = eventSources({
      handler,
      // It polls for itself: Lambda is well.
      sqs: rig.sqs,
      retryUrl,
      functionTimeoutMs,
      ofStream: { batchSize: 20, retryDelayMs: () => 100 },
      ofQueue: { pollIntervalMs: 20 },
    });
    append(records);
    await faults.begin(fault);
    await start();
    const isFelt = (): boolean => mapping.counters.failedInvokeEventCount > 0;
    let isDrained = false;
    const drained = mapping.drained().then(() => {
      isDrained = true;
    });
    while (!(isFelt() || isDrained)) await new Promise((resolve) => setTimeout(resolve, 20));
    // What the queues did not take has come again.
    expect(isFelt()).toBe(true);
    await faults.end();
    await drained;
    await retries.drained();
    await stop();

    const letters = await drainLetters(rig.sqs, deadLetterUrl);
    const arrivals = await rig.arrivalsIn(fifoUrl);
    const account = { kind: "arrivals", arrivals } as const;
    expect(letters.length).toBeGreaterThan(0);
    expect(accountOf(records, "postgres", await rig.rows(), letters)).toMatchObject(balanced);
    expect(accountOf(records, "fifo", account, letters)).toMatchObject({ ...balanced, duplicates: 0 });
    client.destroy();
    await faults.stop();
    await rows.close();
    await rig.close();
  });
});
