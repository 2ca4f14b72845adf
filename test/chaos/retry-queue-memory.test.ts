// Memory is flat through an hour's outage: what is spilled is in the queue, and nowhere else.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { SQS } from "@aws-sdk/client-sqs";
import { afterAll, describe, expect, jest, test } from "@jest/globals";
import { engineOrSkip, startSqs } from "@sluice/local";
import { createQueues } from "./queues.ts";
import type { OutageSettings } from "./retry-queue-memory-program.ts";

/** Room for a slow machine; nothing depends on it. */
jest.setTimeout(300_000);

const describeWithSqs = await engineOrSkip({ describe, test, afterAll }, () => startSqs());

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Ids of 20,000 letters are remembered, and forgotten all at once: a few megabytes up and down. */
const mostGrowthBytes = 8 * 2 ** 20;

describeWithSqs("chaos: an hour's outage of two targets, simulated", (engine) => {
  const sqs = new SQS(engine.clientConfig);
  afterAll(() => sqs.destroy());

  test("leaves no more on the heap than it began with", async () => {
    const { retryUrl } = await createQueues(sqs, "outage-memory", 30_000);
    const { Attributes } = await sqs.getQueueAttributes({ QueueUrl: retryUrl, AttributeNames: ["QueueArn"] });
    const settings: OutageSettings = {
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
    const spilledBytes = settings.batches * settings.batchSize * 2 * settings.noteBytes;
    expect(spilledBytes).toBeGreaterThan(8 * mostGrowthBytes);
    expect(heaps).toHaveLength(settings.samples);
    // The first sample is the measure: by then everything was loaded and compiled.
    const [first = 0, ...later] = heaps;
    expect(Math.max(...later) - first).toBeLessThan(mostGrowthBytes);
  });
});
