// What the doctor reads of a deployment: once, and before the checks.

import type { TableDescription } from "@aws-sdk/client-dynamodb";
import type { StreamDescription } from "@aws-sdk/client-dynamodb-streams";
import type { EventSourceMappingConfiguration } from "@aws-sdk/client-lambda";
import type { Pipeline } from "@sluice/core";
import { type Answer, ask, knownValue } from "../aws/answer.ts";
import type { Clients } from "../aws/clients.ts";
import { type AlarmFacts, alarmReader } from "./alarm-facts.ts";
import { type FunctionFacts, listMappings, readFunction } from "./function-facts.ts";
import { type QueueFacts, readQueues } from "./queue-facts.ts";

/** A stream that a mapping of the function reads, and its table. */
export interface StreamFacts {
  /** The ARN in the mapping. The table may have a later stream. */
  readonly streamArn: string;
  readonly tableName: string;
  /** Undefined if the table does not exist. */
  readonly table: Answer<TableDescription | undefined>;
  /** The stream with all its shards; undefined if the stream does not exist. */
  readonly stream: Answer<StreamDescription | undefined>;
  /** The mappings of all functions that read this stream. */
  readonly readers: Answer<readonly EventSourceMappingConfiguration[]>;
}

/** The dedupe table that the function's variable names. */
export interface DedupeFacts {
  readonly tableName: string;
  /** Whether entries expire; undefined if the table does not exist. */
  readonly expires: Answer<boolean | undefined>;
}

/** A deployment. The checks of all areas get it; they may ask further questions by the clients. */
export interface Facts {
  readonly clients: Clients;
  /** The pipeline of the user's module. Undefined if the user named only the function. */
  readonly pipeline: Pipeline<unknown> | undefined;
  readonly function: FunctionFacts;
  readonly streams: readonly StreamFacts[];
  readonly queues: readonly QueueFacts[];
  readonly dedupe: DedupeFacts | undefined;
  /** Lists the alarms of the region, once for all checks. */
  readonly alarms: () => Promise<AlarmFacts>;
  /** The folder of the user's module, to look for the packages that the module imports. */
  readonly directory: string | undefined;
  /** The function that ends the runs of a verify, if the user named it. */
  readonly verifyFunction: string | undefined;
}

/** What the user says of a deployment besides the function's name. */
export type Given = Partial<Pick<Facts, "pipeline" | "directory" | "verifyFunction">>;

/** Whether a mapping reads a stream of DynamoDB. */
export const readsStream = ({ EventSourceArn = "" }: EventSourceMappingConfiguration): boolean =>
  EventSourceArn.includes(":dynamodb:");

/** The name of the table in a stream's ARN: `arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/2026-…`. */
export const tableNameOf = (streamArn: string): string => /:table\/([^/]+)/.exec(streamArn)?.[1] ?? streamArn;

/** The table of another account is described by its ARN. */
export const tableAddress = (streamArn: string): string => streamArn.replace(/\/stream\/.*$/, "");

const readStreamDescription = async (
  { streams }: Clients,
  StreamArn: string,
  abortSignal: AbortSignal,
): Promise<StreamDescription | undefined> => {
  const first = (await streams.describeStream({ StreamArn }, { abortSignal })).StreamDescription;
  const shards = [...(first?.Shards ?? [])];
  let from = first?.LastEvaluatedShardId;
  while (from !== undefined) {
    const page = await streams.describeStream({ StreamArn, ExclusiveStartShardId: from }, { abortSignal });
    shards.push(...(page.StreamDescription?.Shards ?? []));
    from = page.StreamDescription?.LastEvaluatedShardId;
  }
  return first && { ...first, Shards: shards };
};

const readStream = async (clients: Clients, streamArn: string): Promise<StreamFacts> => {
  const TableName = tableAddress(streamArn);
  const [table, stream, readers] = await Promise.all([
    ask<TableDescription | undefined>(
      "dynamodb:DescribeTable",
      async (abortSignal) => (await clients.dynamodb.describeTable({ TableName }, { abortSignal })).Table,
      () => undefined,
    ),
    ask<StreamDescription | undefined>(
      "dynamodb:DescribeStream",
      (abortSignal) => readStreamDescription(clients, streamArn, abortSignal),
      () => undefined,
    ),
    listMappings(clients, { EventSourceArn: streamArn }),
  ]);
  return { streamArn, tableName: tableNameOf(streamArn), table, stream, readers };
};

const readDedupe = async ({ dynamodb }: Clients, tableName: string): Promise<DedupeFacts> => ({
  tableName,
  expires: await ask<boolean | undefined>(
    "dynamodb:DescribeTimeToLive",
    async (abortSignal) => {
      const { TimeToLiveDescription } = await dynamodb.describeTimeToLive({ TableName: tableName }, { abortSignal });
      return /^ENABL/.test(TimeToLiveDescription?.TimeToLiveStatus ?? "");
    },
    () => undefined,
  ),
});

/** Reads a deployment. An answer that AWS does not give stays open; the checks that need it report `unknown`. */
export const readFacts = async (
  clients: Clients,
  functionName: string,
  { pipeline, directory, verifyFunction }: Given = {},
): Promise<Facts> => {
  const found = await readFunction(clients, functionName);
  const mappings = knownValue(found.mappings) ?? [];
  const variables = knownValue(found.variables);
  const streamArns = new Set(mappings.filter(readsStream).map(({ EventSourceArn = "" }) => EventSourceArn));
  const [streams, queues, dedupe] = await Promise.all([
    Promise.all([...streamArns].map((streamArn) => readStream(clients, streamArn))),
    readQueues(clients, mappings, variables),
    variables?.dedupeTable === undefined ? undefined : readDedupe(clients, variables.dedupeTable),
  ]);
  const alarms = alarmReader(clients);
  return { clients, pipeline, directory, verifyFunction, function: found, streams, queues, dedupe, alarms };
};
