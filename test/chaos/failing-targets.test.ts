// Real targets fail during a batch. Lambda's event source mappings of the stream and the retry queue send the batches.
// At the end every change must be delivered or superseded, or its dead letter must contain the complete record.

import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, jest, test } from "@jest/globals";
import { type Engines, engineOrSkip, startEngines } from "@sluice/local";
import { randomOf } from "../convergence/random.ts";
import { noErrors } from "./comparison.ts";
import { historyOf } from "./history.ts";
import { opensearchTarget } from "./opensearch-target.ts";
import { play } from "./play.ts";
import { postgresTarget } from "./postgres-target.ts";
import { seeds } from "./seeds.ts";
import { smtpTarget } from "./smtp-target.ts";
import { sqsTarget } from "./sqs-target.ts";
import { type ChaosTarget, type Fault, faults } from "./target.ts";

const wanted = { opensearch: true, postgres: true, sqs: true } as const;

type Opener = (engines: Engines<typeof wanted>, name: string) => Promise<ChaosTarget>;

/** A long timeout, because the machine may be slow. */
jest.setTimeout(120_000);

const describeWithEngines = await engineOrSkip({ describe, test, afterAll }, () => startEngines(wanted));

const targets: readonly (readonly [kind: string, open: Opener])[] = [
  ["postgres", ({ postgres }) => postgresTarget(postgres)],
  ["opensearch", ({ opensearch }, name) => opensearchTarget(opensearch, name)],
  ["sqs", ({ sqs }, name) => sqsTarget(sqs, name)],
  ["smtp", () => smtpTarget()],
];

const changes = 160;

describeWithEngines("chaos: a target that fails during a batch", (engines) => {
  const sqs = new SQS(engines.sqs.clientConfig);
  afterAll(() => sqs.destroy());

  const cases = seeds.flatMap((seed) =>
    targets.flatMap(([kind, open]) =>
      faults.map((fault): [string, Fault, number, Opener] => [kind, fault, seed, open]),
    ),
  );

  test.each(cases)("%s: %s (seed %i)", async (kind, fault, seed, open) => {
    const name = `chaos-${kind}-${fault}-${seed}`;
    const target = await open(engines, name);
    const records = historyOf(seed, { items: 30, changes });
    const atWrite = 1 + randomOf(seed).integer(4);
    const result = await play({ name, records, target, fault, atWrite, sqs }).finally(target.close);
    expect(result.target).toMatchObject({ ...noErrors, changes, deadLetters: 0 });
    expect(result.witness).toMatchObject({ ...noErrors, changes, deadLetters: 0 });
    // The stream delivered every record only once, so the failing target did not delay the other target.
    expect(result.invoked).toBe(changes);
    // Deliveries were queued for retry, so the fault had an effect.
    if (fault !== "restart") expect(result.queued).toBeGreaterThan(0);
    if (kind === "sqs") expect(result.target.duplicates).toBe(0);
  });
});
