// `sluice trace`: tells of one item what its table, stream, targets, queues and logs know.

import { type ItemTrace, type TracedQueue, type TraceOptions, traceItem } from "@sluice/inspect";
import { dynamodbClient, logsClient, s3Client, sqsClient, streamsClient } from "../aws/clients.ts";
import { openPayloads } from "../aws/payloads.ts";
import { openModule } from "../backfill/open-backfill.ts";
import { exitCodes } from "../command-line/command-error.ts";
import { queueUrlIn } from "../message-source/source-address.ts";
import type { Resources } from "../pipeline-command/resources.ts";
import { runCommand } from "../pipeline-command/run-command.ts";
import { itemKeyIn } from "../source-table/item-keys.ts";
import { describeTable, streamOf } from "../source-table/source-table.ts";
import { plainJson } from "../terminal/plain-text.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type TraceCommandOptions, traceHelp, traceOptions } from "./options.ts";
import { nextCommands, traceLines } from "./report.ts";

const plainErrors = /^(Config|Record|Sink)Error$/;

/** The width of lines if the output is no terminal. */
const plainWidth = 120;

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

/** Opens what the trace reads. @throws {CommandError} when there is no such pipeline, table or key */
const openTrace = async (
  options: TraceCommandOptions,
  opened: Resources,
  { progress }: Terminal,
  signal: AbortSignal,
): Promise<TraceOptions> => {
  const { aws } = options;
  const { pipeline } = opened.add(await openModule({ ...options, routes: undefined }));
  const dynamodb = await dynamodbClient(aws, options.table);
  opened.add({ close: () => dynamodb.destroy() });
  const table = await describeTable(dynamodb, options.table);
  const keys = itemKeyIn(options.key, table.keyTypes);
  const streamArn = streamOf(table);
  const payloads = opened.add(openPayloads(options.payloadStore, () => s3Client(aws)));
  return {
    pipeline,
    table: { name: table.name, address: table.address, streamArn, keyNames: table.keyNames },
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

const exitCodeOf = ({ conclusions }: ItemTrace): number => {
  const states = new Set(conclusions.map(({ state }) => state));
  if (states.has("behind") || states.has("rejected") || states.has("differs")) return exitCodes.left;
  const isKnown = conclusions.every(({ state, isComparable }) => state !== "unknown" || !isComparable);
  // Without a copy to compare, nothing is proved.
  return isKnown && states.has("up to date") ? exitCodes.done : exitCodes.failed;
};

const run = (options: TraceCommandOptions, terminal: Terminal): Promise<number> =>
  runCommand({ terminal, finishes: "the requests in flight", plainErrors }, async (opened, signal) => {
    const trace = await traceItem(await openTrace(options, opened, terminal, signal));
    terminal.progress.clear();
    const next = nextCommands(trace, options);
    const exitCode = exitCodeOf(trace);
    const lines = options.isJson
      ? [plainJson(JSON.stringify({ ...trace, next, exitCode }))]
      : traceLines(trace, next, process.stdout.columns || plainWidth);
    for (const line of lines) terminal.out(line);
    return exitCode;
  });

/** Runs `sluice trace`. Returns the exit code. @throws {CommandError} when nothing can be traced */
export const traceCommand = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const options = traceOptions(args);
  if (options !== undefined) return run(options, terminal);
  for (const line of traceHelp.split("\n")) terminal.out(line);
  return exitCodes.done;
};
