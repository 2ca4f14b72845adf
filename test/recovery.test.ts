// Measures by a fake clock how soon the retry queue is empty after an outage. The times are printed. They are compared
// only with other times of the fake clock: docs/decisions/0043-recovery-after-an-outage.md has the table.

import { describe, expect, test } from "@jest/globals";
import { randomOf } from "./convergence/random.ts";
import { playOutage } from "./recovery/outage.ts";

const seed = Number(process.env.SEED ?? 1);

/** Seconds between two probes of an environment, at most. */
const probeSeconds = 5;
/** The shortest delay of a retry, and SQS' first delay of a message. */
const firstDelaySeconds = 5;

/** Seconds of the outage, seconds between two batches, and the kinds of queues. */
const outages: readonly (readonly [seconds: number, batchEvery: number])[] = [
  [10, 1],
  [60, 1],
  [600, 10],
  [3_600, 200],
];

const queues: readonly (readonly [kind: string, isFifo: boolean])[] = [
  ["a standard queue", false],
  ["a FIFO queue", true],
];

describe.each(outages)("after an outage of %d s", (seconds, batchEvery) => {
  const cases = queues.flatMap(([kind, isFifo]) => [1, 4].map((environments) => [kind, isFifo, environments] as const));

  test.each(cases)("%s (FIFO: %s) and %d environments recover in time", async (_kind, isFifo, environments) => {
    const { integer } = randomOf(seed);
    const random = (): number => integer(1_000_000) / 1_000_000;
    const options = { seconds, isFifo, environments, batchEvery, itemsPerBatch: 4, random };
    const { emptyAfter, writtenAfter, receives, lines, missing } = await playOutage(options);
    process.stdout.write(
      `outage ${seconds} s, FIFO ${isFifo}, environments ${environments}, seed ${seed}: first write after ` +
        `${writtenAfter} s, queue empty after ${emptyAfter} s, ${receives.toFixed(1)} receives of a message\n`,
    );
    expect(missing).toBe(0);
    // An environment that gets no batch makes no probe, so the next batch of the stream is written after this time.
    expect(writtenAfter).toBeLessThanOrEqual(probeSeconds + batchEvery);
    // A message is received within a quarter of its age. Then its environment may wait for the next probe.
    const longestDelay = Math.max(firstDelaySeconds, (seconds + probeSeconds) / 4);
    expect(emptyAfter).toBeLessThanOrEqual(Math.ceil(longestDelay) + probeSeconds + firstDelaySeconds);
    const messages = lines.map(([message]) => message);
    expect(messages.filter((message) => message === "circuit breaker opened")).toHaveLength(environments);
    expect(messages.filter((message) => message === "circuit breaker closed")).toHaveLength(environments);
  });
});
