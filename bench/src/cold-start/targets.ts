// The targets of the handlers that are measured: engines of this machine, and a server that answers like SES,
// EventBridge and a webhook.

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import { Client } from "@opensearch-project/opensearch";
import { startDynamodb, startOpensearch, startPostgres } from "@sluice/local";
import { dynamodbSink } from "@sluice/sink-dynamodb";
import { opensearchSink } from "@sluice/sink-opensearch";
import { postgresSink } from "@sluice/sink-postgres";
import pg from "pg";
import { SMTPServer } from "smtp-server";
import { startMessagingServer } from "../messaging-server.ts";

/** Running targets. */
export interface Targets {
  /** The variables that the handlers read. */
  readonly environment: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}

const portOf = (server: { readonly address: () => AddressInfo | string | null }): number =>
  (server.address() as AddressInfo).port;

const answerOf = async (request: IncomingMessage): Promise<object> => {
  const body = await text(request);
  if (request.headers["x-amz-target"] !== "AWSEvents.PutEvents") return { MessageId: "m" };
  const { Entries } = JSON.parse(body) as { readonly Entries: readonly unknown[] };
  return { FailedEntryCount: 0, Entries: Entries.map((_, index) => ({ EventId: String(index) })) };
};

const startHttp = () =>
  new Promise<ReturnType<typeof createServer>>((resolve) => {
    const server = createServer(async (request, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(await answerOf(request)));
    });
    server.listen(0, "127.0.0.1", () => resolve(server));
  });

const startSmtp = () =>
  new Promise<{ readonly port: number; readonly stop: () => Promise<void> }>((resolve) => {
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ["STARTTLS"],
      disableReverseLookup: true,
      logger: false,
      closeTimeout: 1,
      onData: (stream, _session, callback) => {
        stream.resume().on("end", () => callback(null));
      },
    });
    const listening = server.listen(0, "127.0.0.1", () =>
      resolve({ port: portOf(listening), stop: () => new Promise((stopped) => server.close(() => stopped())) }),
    );
  });

/** Creates the tables and the index of the pipelines and of the bare handlers. */
const prepareTargets = async (databaseUrl: string, node: string, dynamodbEndpoint: string): Promise<void> => {
  const pool = new pg.Pool({ connectionString: databaseUrl });
  pool.on("error", () => undefined);
  for (const table of ["orders", "bare"]) await pool.query(`CREATE TABLE ${table} (pk text PRIMARY KEY, title text)`);
  await postgresSink({ pool, table: "orders", key: { pk: "pk" }, columns: ["title"] }).ensure();
  await pool.end();
  const client = new Client({ node });
  await opensearchSink({ client, index: "orders" }).ensure();
  await client.close();
  process.env.AWS_ENDPOINT_URL_DYNAMODB = dynamodbEndpoint;
  const copies = dynamodbSink({ table: "copies" });
  await copies.ensure({ create: { partitionKey: { name: "pk", type: "S" } } });
  await copies.close();
};

/** Starts all targets. */
export const startTargets = async (): Promise<Targets> => {
  const messaging = await startMessagingServer();
  Object.assign(process.env, messaging.environment);
  const [postgres, opensearch, dynamodb, http, smtp] = await Promise.all([
    startPostgres(),
    startOpensearch(),
    startDynamodb(),
    startHttp(),
    startSmtp(),
  ]);
  const databaseUrl = await postgres.createDatabase();
  await prepareTargets(databaseUrl, opensearch.url, dynamodb.endpoint);
  const sns = new SNSClient({});
  const sqs = new SQS({});
  const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "orders" }));
  const { QueueUrl = "" } = await sqs.createQueue({ QueueName: "orders" });
  sns.destroy();
  sqs.destroy();
  const endpoint = `http://127.0.0.1:${portOf(http)}`;
  return {
    environment: {
      ...messaging.environment,
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
      AWS_ENDPOINT_URL_SESV2: endpoint,
      AWS_ENDPOINT_URL_EVENTBRIDGE: endpoint,
      DATABASE_URL: databaseUrl,
      DEAD_LETTER_QUEUE_URL: QueueUrl,
      HOOK_URL: `${endpoint}/hook`,
      OPENSEARCH_NODE: opensearch.url,
      QUEUE_URL: QueueUrl,
      SMTP_PORT: String(smtp.port),
      TOPIC_ARN: TopicArn,
    },
    stop: async () => {
      http.closeAllConnections();
      http.close();
      await smtp.stop();
      await Promise.all([messaging.stop(), postgres.stop(), opensearch.stop(), dynamodb.stop()]);
    },
  };
};
