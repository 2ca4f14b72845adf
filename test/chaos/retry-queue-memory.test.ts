// Two targets are down for an hour. The memory use must not grow, because deliveries wait in the queue, not in memory.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, jest, test } from "@jest/globals";
import { engineOrSkip, startSqs } from "@sluice/local";
import { createQueues } from "./queues.ts";
import type { ProgramSettings } from "./retry-queue-memory-program.ts";

/** A long timeout, because the machine may be slow. */
jest.setTimeout(300_000);

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/**
 * Some megabytes of growth are normal: core caches up to 20,000 envelope ids, and only then clears the cache.
 */
const mostGrowthBytes = 8 * 2 ** 20;

describeWithSqs("chaos: two targets that are down for a simulated hour", (engine) => {
  const sqs = new SQS(engine.clientConfig);
  afterAll(() => sqs.destroy());

  test("do not grow the heap", async () => {
    const { retryUrl } = await createQueues(sqs, "retry-queue-memory", 30_000);
    const { Attributes } = await sqs.getQueueAttributes({ QueueUrl: retryUrl, AttributeNames: ["QueueArn"] });
    const settings: ProgramSettings = {
      sqs: engine.clientConfig,
      retryUrl,
      retryArn: Attributes?.QueueArn ?? "",
      batches: 900,
      batchSize: 10,
      noteBytes: 4_000,
      samples: 10,
    };
    const flags = ["--expose-gc", "--conditions=@sluice/source", `--import=${pathOf("../../scripts/strip-types.js")}`];
    const env = { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" };
    const args = [...flags, pathOf("retry-queue-memory-program.ts"), JSON.stringify(settings)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    const heaps = JSON.parse(stdout) as number[];
    const queuedBytes = settings.batches * settings.batchSize * 2 * settings.noteBytes;
    expect(queuedBytes).toBeGreaterThan(8 * mostGrowthBytes);
    expect(heaps).toHaveLength(settings.samples);
    // The first sample is the baseline. At that time all code is loaded and compiled.
    const [first = 0, ...later] = heaps;
    expect(Math.max(...later) - first).toBeLessThan(mostGrowthBytes);
  });
});
