// Opens what a trace of one item reads: its table, stream, targets, queues and log.

import type { DynamoDB } from "@aws-sdk/client-dynamodb";
import type { TracedQueue, TraceOptions } from "@sluice/inspect";
import { dynamodbClient, logsClient, s3Client, sqsClient, streamsClient } from "../aws/clients.ts";
import { openPayloads } from "../aws/payloads.ts";
import { queueUrlIn } from "../message-source/source-address.ts";
import type { Resources } from "../pipeline-command/resources.ts";
import { itemKeyIn } from "../source-table/item-keys.ts";
import { describeTable, streamOf } from "../source-table/source-table.ts";
import type { Notes } from "../terminal/terminal.ts";
import type { TraceCommandOptions } from "./options.ts";

const openQueues = ({ retryQueues, deadLetters, aws }: TraceCommandOptions): Promise<TracedQueue[]> => {
  const open = async (kind: TracedQueue["kind"], url: string): Promise<TracedQueue> => {
    const queueUrl = queueUrlIn(url);
    return { kind, queueUrl, client: await sqsClient(aws, queueUrl) };
  };
  return Promise.all([
    ...retryQueues.map((url) => open("retry queue", url)),
    ...deadLetters.map((url) => open("dead letters", url)),
  ]);
};

/** The function's name, without the rest of its ARN: `arn:aws:lambda:REGION:ACCOUNT:function:NAME:ALIAS`. */
const nameOfFunction = (text: string): string => /:function:([^:]+)/.exec(text)?.[1] ?? text.split(":")[0] ?? text;

const openLogs = async (
  { functionName, logGroup, aws }: TraceCommandOptions,
  opened: Resources,
): Promise<TraceOptions["logs"]> => {
  const group = logGroup ?? (functionName && `/aws/lambda/${nameOfFunction(functionName)}`);
  if (group === undefined) return undefined;
  const client = await logsClient(aws, functionName ?? "");
  opened.add({ close: () => client.destroy() });
  return { client, group };
};

const openStreams = async (
  { readsStream, aws }: TraceCommandOptions,
  streamArn: string,
  opened: Resources,
): Promise<TraceOptions["streams"]> => {
  if (!readsStream) return undefined;
  const client = await streamsClient(aws, streamArn);
  opened.add({ close: () => client.destroy() });
  return client;
};

const doing = {
  queues: "reading messages",
  targets: "reading targets",
  stream: "reading records of the stream",
  log: "searching the log, changes:",
} as const;

/** Opens the table of an item, and checks the item's key. @throws {CommandError} when there is no such table or key */
export const openItem = async (
  { table: name, key, aws }: Pick<TraceCommandOptions, "table" | "key" | "aws">,
  opened: Resources,
): Promise<Pick<TraceOptions, "table" | "keys"> & { readonly dynamodb: DynamoDB }> => {
  const dynamodb = await dynamodbClient(aws, name);
  opened.add({ close: () => dynamodb.destroy() });
  const table = await describeTable(dynamodb, name);
  const keys = itemKeyIn(key, table.keyTypes);
  const { address, keyNames } = table;
  return { dynamodb, keys, table: { name: table.name, address, streamArn: streamOf(table), keyNames } };
};

/** Opens what a trace reads. @throws {CommandError} when there is no such pipeline, table or key */
export const openTrace = async (
  options: TraceCommandOptions,
  pipeline: TraceOptions["pipeline"],
  opened: Resources,
  { progress }: Pick<Notes, "progress">,
  signal: AbortSignal,
): Promise<TraceOptions> => {
  const { aws } = options;
  const { dynamodb, keys, table } = await openItem(options, opened);
  const { streamArn } = table;
  const payloads = opened.add(openPayloads(options.payloadStore, () => s3Client(aws)));
  return {
    pipeline,
    table,
    keys,
    dynamodb,
    streams: await openStreams(options, streamArn, opened),
    queues: await openQueues(options),
    logs: await openLogs(options, opened),
    fetchRecord: payloads.fetch,
    ...(options.streamMs !== undefined && { limits: { streamMs: options.streamMs } }),
    signal,
    onProgress: (source, done) => progress.update({ doing: doing[source], done }),
  };
};
