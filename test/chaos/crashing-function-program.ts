// Runs a Lambda function in its own process. The parent process sends the events, and this process sends back the
// responses. The process kills itself at one step.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQS } from "@aws-sdk/client-sqs";
import { type Change, pipeline, sqsDeadLetterQueue, sqsRetryQueue } from "@sluice/core";
import { dynamodbDedupe } from "@sluice/dedupe-dynamodb";
import { postgresSink } from "@sluice/sink-postgres";
import { sqsSink } from "@sluice/sink-sqs";
import { randomOf } from "../convergence/random.ts";
import type { FunctionSettings } from "./crashing-function.ts";
import { type AnySink, flaky, withWrite } from "./flaky.ts";
import type { ChaosItem } from "./history.ts";
import { arrivalOf, rowOf } from "./message.ts";
import { origins, reportingSteps } from "./steps.ts";

const settings = JSON.parse(process.argv[2] ?? "") as FunctionSettings;

const crashAt = (step: string): void => {
  if (step === settings.crashAt) process.kill(process.pid, "SIGKILL");
};

/** Wraps a sink, so that the process can kill itself before or after a write. */
const crashing = <Kind extends AnySink>(sink: Kind): Kind =>
  withWrite(sink, reportingSteps(sink.name, { write: sink.write as never }, crashAt).write);

/** A mapper with a bug. `isFixed` simulates the deployment of a version without the bug. */
const toMessage = (change: Change) => {
  if (!settings.isFixed && Number(change.after?.revision) % 10 === 3) throw new Error("a bug");
  return { body: arrivalOf(change) };
};

const random = randomOf(settings.seed);
const client = new SQS(settings.sqs);
const table = new DynamoDBClient(settings.dynamodb);
const { journal, leases, pendingItems } = dynamodbDedupe({ tableName: settings.dedupeTable, client: table });
const dedupeStore = {
  journal,
  leases: reportingSteps("leases", leases, crashAt),
  pendingItems: reportingSteps("pendingItems", pendingItems, crashAt),
};
const rows = postgresSink({ connection: { connectionString: settings.databaseUrl }, table: "items" });
const fifo = sqsSink({ name: "fifo", queueUrl: settings.fifoUrl, client });
const standard = sqsSink({ name: "acquired", queueUrl: settings.standardUrl, client });
const deadLetterQueue = sqsDeadLetterQueue({ queueUrl: settings.deadLetterUrl, client });
const retryQueue = sqsRetryQueue({ queueUrl: settings.retryUrl, client, firstDelaySeconds: 1, maxDelaySeconds: 1 });
const { write, postpone } = retryQueue;

const handler = pipeline("killed", {
  deadLetterQueue: {
    ...deadLetterQueue,
    ...reportingSteps("deadLetterQueue", { write: deadLetterQueue.write }, crashAt),
  },
  retryQueue: { ...retryQueue, ...reportingSteps("retryQueue", { write, postpone }, crashAt) },
  dedupeStore,
  retry: { maxAttempts: 1 },
  logger: { info: () => undefined, warn: () => undefined },
})
  .to(flaky(crashing(rows), random), ({ after }) => rowOf(after as unknown as ChaosItem))
  .to(flaky(crashing(fifo), random), toMessage, { dedupe: "native" })
  .to(flaky(crashing(standard), random), toMessage, { dedupe: "always" })
  .handler();

const originOf = (event: { readonly Records: readonly { readonly eventSourceARN?: string }[] }): string => {
  const arn = event.Records[0]?.eventSourceARN;
  if (arn?.startsWith("arn:aws:dynamodb")) return "stream";
  return retryQueue.isSource(arn) ? "retry" : "redrive";
};

process.on("message", async ({ id, event, deadlineMs }: { id: number; event: never; deadlineMs: number }) => {
  const context = { getRemainingTimeInMillis: () => deadlineMs - Date.now() };
  await origins.run(originOf(event), async () => {
    try {
      const response = await handler(event, context);
      crashAt(`${origins.getStore()} answer begun`);
      process.send?.({ id, response });
    } catch (error) {
      process.send?.({ id, error: String(error) });
    }
  });
});
// The parent process has exited, so this process must exit too.
process.on("disconnect", () => process.exit());
process.send?.("ready");
