// A function in a process of its own, which is killed at one step: takes events from its parent, and answers them.

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
import { origins, stepping } from "./steps.ts";

const settings = JSON.parse(process.argv[2] ?? "") as FunctionSettings;

const dieAt = (step: string): void => {
  if (step === settings.dieAt) process.kill(process.pid, "SIGKILL");
};

/** The sink that is killed at its steps. */
const mortal = <Kind extends AnySink>(sink: Kind): Kind =>
  withWrite(sink, stepping(sink.name, { write: sink.write as never }, dieAt).write);

/** A bug of the mapper's, until a version without it is deployed. */
const mapped = (change: Change) => {
  if (!settings.isHealed && Number(change.after?.revision) % 10 === 3) throw new Error("a bug");
  return { body: arrivalOf(change) };
};

const random = randomOf(settings.seed);
const client = new SQS(settings.sqs);
const table = new DynamoDBClient(settings.dynamodb);
const { journal, leases, pendingItems } = dynamodbDedupe({ tableName: settings.dedupeTable, client: table });
const dedupeStore = {
  journal,
  leases: stepping("leases", leases, dieAt),
  pendingItems: stepping("pendingItems", pendingItems, dieAt),
};
const rows = postgresSink({ connection: { connectionString: settings.databaseUrl }, table: "items" });
const fifo = sqsSink({ name: "fifo", queueUrl: settings.fifoUrl, client });
const standard = sqsSink({ name: "acquired", queueUrl: settings.standardUrl, client });
const deadLetterQueue = sqsDeadLetterQueue({ queueUrl: settings.deadLetterUrl, client });
const retryQueue = sqsRetryQueue({ queueUrl: settings.retryUrl, client, firstDelaySeconds: 1, maxDelaySeconds: 1 });
const { write, postpone } = retryQueue;

const handler = pipeline("killed", {
  deadLetterQueue: { ...deadLetterQueue, ...stepping("deadLetterQueue", { write: deadLetterQueue.write }, dieAt) },
  retryQueue: { ...retryQueue, ...stepping("retryQueue", { write, postpone }, dieAt) },
  dedupeStore,
  retry: { maxAttempts: 1 },
  logger: { info: () => undefined, warn: () => undefined },
})
  .to(flaky(mortal(rows), random), ({ after }) => rowOf(after as unknown as ChaosItem))
  .to(flaky(mortal(fifo), random), mapped, { dedupe: "native" })
  .to(flaky(mortal(standard), random), mapped, { dedupe: "always" })
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
      dieAt(`${origins.getStore()} answer begun`);
      process.send?.({ id, response });
    } catch (error) {
      process.send?.({ id, error: String(error) });
    }
  });
});
// The parent is gone.
process.on("disconnect", () => process.exit());
process.send?.("ready");
