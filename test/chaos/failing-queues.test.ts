// The retry queue and the dead-letter queue fail during a batch. If no queue accepts a delivery, the stream must
// deliver the record again, and the delivery must never count as stored.

import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, jest, test } from "@jest/globals";
import { type Change, pipeline, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import { engineOrSkip, startEngines } from "@sluice/local";
import { postgresSink } from "@sluice/sink-postgres";
import { sqsSink } from "@sluice/sink-sqs";
import { memoryDedupe } from "@sluice/testing";
import { randomOf } from "../convergence/random.ts";
import { compareWithStream, noErrors } from "./comparison.ts";
import { eventSources } from "./event-sources.ts";
import { type AnySink, flaky } from "./flaky.ts";
import { type ChaosItem, historyOf } from "./history.ts";
import { httpFaults } from "./http-faults.ts";
import { arrivalOf, rowOf } from "./message.ts";
import { drainDeadLetters } from "./queues.ts";
import { openRig } from "./rig.ts";
import { seeds } from "./seeds.ts";
import type { Fault } from "./target.ts";

/** A long timeout, because the machine may be slow. */
jest.setTimeout(120_000);

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () =>
  startEngines({ postgres: true, sqs: true } as const),
);

const changes = 160;
const functionTimeoutMs = 4_000;

/** A mapper with a bug. */
const mapped = (change: Change) => {
  if (Number(change.after?.revision) % 10 === 3) throw new Error("a bug");
  return { body: arrivalOf(change) };
};

/** Malformed responses of SQS. No response in this list confirms that SQS has stored a message. */
const bodies = ['{"Successful":[]}', '{"Failed":[{}]}', '{"Successful":null}'];

/** What the queues are needed for in a test: for retries and dead letters, or only for dead letters. */
type Need = "retries" | "dead letters";

describeWithEngines("chaos: queues of the pipeline that fail during a batch", (engines) => {
  const cases = seeds.flatMap((seed) =>
    (["retries", "dead letters"] as const).flatMap((need) =>
      (["stop", "hang", "garble"] as const).map((fault): [Need, Fault, number] => [need, fault, seed]),
    ),
  );

  test.each(cases)("%s: %s (seed %i)", async (need, fault, seed) => {
    const rig = await openRig(engines, `failing-queues-${need.replace(" ", "-")}-${fault}-${seed}`, functionTimeoutMs);
    const random = randomOf(seed);
    const failing = <Kind extends AnySink>(sink: Kind): Kind => (need === "retries" ? flaky(sink, random) : sink);
    const faults = await httpFaults(engines.sqs.endpoint, bodies);
    const { endpoint } = faults;
    const client = new SQS({ ...engines.sqs.clientConfig, endpoint, useQueueUrlAsEndpoint: false, maxAttempts: 1 });
    const rows = postgresSink({ connection: { connectionString: rig.databaseUrl }, table: "items" });
    const { retryUrl, deadLetterUrl, fifoUrl } = rig;
    const handler = pipeline("failing-queues", {
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
      // Only the function's own requests must fail, so the event source polls SQS directly, not through the proxy.
      sqs: rig.sqs,
      retryUrl,
      functionTimeoutMs,
      ofStream: { batchSize: 20, retryDelayMs: () => 100 },
      ofQueue: { pollIntervalMs: 20 },
    });
    append(records);
    await faults.begin(fault);
    await start();
    const isAffected = (): boolean => mapping.counters.failedInvokeEventCount > 0;
    let isDrained = false;
    const drained = mapping.drained().then(() => {
      isDrained = true;
    });
    while (!(isAffected() || isDrained)) await new Promise((resolve) => setTimeout(resolve, 20));
    // An invocation failed, because no queue accepted some deliveries. The stream delivers their records again.
    expect(isAffected()).toBe(true);
    await faults.end();
    await drained;
    await retries.drained();
    await stop();

    const deadLetters = await drainDeadLetters(rig.sqs, deadLetterUrl);
    const arrivals = await rig.arrivalsIn(fifoUrl);
    const content = { kind: "arrivals", arrivals } as const;
    expect(deadLetters.length).toBeGreaterThan(0);
    expect(compareWithStream(records, "postgres", await rig.rows(), deadLetters)).toMatchObject(noErrors);
    expect(compareWithStream(records, "fifo", content, deadLetters)).toMatchObject({ ...noErrors, duplicates: 0 });
    client.destroy();
    await faults.stop();
    await rows.close();
    await rig.close();
  });
});
