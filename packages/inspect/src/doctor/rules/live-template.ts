// A deployment as a CloudFormation template, so that the rules for templates judge it, too. An answer that is missing is a
// value that is decided at deployment: no rule judges it.

import type { TableDescription } from "@aws-sdk/client-dynamodb";
import type { EventSourceMappingConfiguration } from "@aws-sdk/client-lambda";
import { knownValue } from "../../aws/answer.ts";
import type { Facts, StreamFacts } from "../facts.ts";
import { readsStream } from "../facts.ts";
import { type QueueFacts, queueIdOf } from "../queue-facts.ts";

/** What a resource of the template is in the deployment. */
export type Subject =
  | { readonly kind: "function"; readonly name: string }
  | { readonly kind: "mapping"; readonly uuid: string; readonly tableName: string }
  | { readonly kind: "queue"; readonly name: string; readonly url: string; readonly policy: string | undefined }
  | { readonly kind: "table"; readonly name: string };

/** A template, and what its resources are. */
export interface LiveTemplate {
  readonly template: { readonly Resources: Readonly<Record<string, object>> };
  /** By the logical ids of the template. */
  readonly subjects: ReadonlyMap<string, Subject>;
}

/** A parameter: a value that the rules do not know. */
const unread = { Ref: "Unread" } as const;

const functionId = "Function";

interface Entry {
  readonly id: string;
  readonly resource: object;
  readonly subject?: Subject;
}

const without = (properties: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined && value !== null));

const functionEntry = ({ function: { name, configuration, variables } }: Facts, queueIds: Ids): Entry => {
  const found = knownValue(configuration);
  const named = knownValue(variables);
  const reference = (address: string | undefined): object | undefined => {
    const id = address === undefined ? undefined : queueIds.get(queueIdOf(address));
    return id === undefined ? undefined : { Ref: id };
  };
  const environment = named && {
    Variables: without({
      RETRY_QUEUE_URL: reference(named.retryQueueUrl),
      DEAD_LETTER_QUEUE_URL: reference(named.deadLetterQueueUrl),
      DEDUPE_TABLE: named.dedupeTable && { Ref: "Dedupe" },
    }),
  };
  const properties = { Runtime: found?.Runtime, Timeout: found?.Timeout, Environment: environment ?? unread };
  return {
    id: functionId,
    resource: { Type: "AWS::Lambda::Function", Properties: found === undefined ? unread : without(properties) },
    subject: { kind: "function", name },
  };
};

type Ids = ReadonlyMap<string, string>;

const mappingEntry = (
  mapping: EventSourceMappingConfiguration,
  index: number,
  tableIds: Ids,
  queueIds: Ids,
  streams: readonly StreamFacts[],
): Entry => {
  const { EventSourceArn = "", UUID = "", FilterCriteria, FilterCriteriaError, ...rest } = mapping;
  const source = readsStream(mapping)
    ? { "Fn::GetAtt": [tableIds.get(EventSourceArn) ?? EventSourceArn, "StreamArn"] }
    : { "Fn::GetAtt": [queueIds.get(queueIdOf(EventSourceArn)) ?? EventSourceArn, "Arn"] };
  const properties = {
    FunctionName: { Ref: functionId },
    EventSourceArn: source,
    StartingPosition: rest.StartingPosition,
    BatchSize: rest.BatchSize,
    MaximumBatchingWindowInSeconds: rest.MaximumBatchingWindowInSeconds,
    MaximumRetryAttempts: rest.MaximumRetryAttempts,
    MaximumRecordAgeInSeconds: rest.MaximumRecordAgeInSeconds,
    ParallelizationFactor: rest.ParallelizationFactor,
    BisectBatchOnFunctionError: rest.BisectBatchOnFunctionError,
    FunctionResponseTypes: rest.FunctionResponseTypes,
    TumblingWindowInSeconds: rest.TumblingWindowInSeconds,
    DestinationConfig: rest.DestinationConfig,
    FilterCriteria: FilterCriteriaError === undefined ? FilterCriteria : unread,
  };
  const tableName = streams.find(({ streamArn }) => streamArn === EventSourceArn)?.tableName ?? "";
  return {
    id: `Mapping${index}`,
    resource: { Type: "AWS::Lambda::EventSourceMapping", Properties: without(properties) },
    subject: { kind: "mapping", uuid: UUID, tableName },
  };
};

const streamOf = ({ StreamSpecification: stream }: TableDescription): object | undefined =>
  stream?.StreamEnabled ? { StreamViewType: stream.StreamViewType } : undefined;

const tableEntry = ({ tableName, table }: StreamFacts, id: string): Entry => {
  const found = knownValue(table);
  const properties = found === undefined ? unread : without({ StreamSpecification: streamOf(found) });
  return {
    id,
    resource: { Type: "AWS::DynamoDB::Table", Properties: properties },
    subject: { kind: "table", name: tableName },
  };
};

const dedupeEntries = ({ dedupe }: Facts): readonly Entry[] => {
  if (dedupe === undefined) return [];
  const expires = knownValue(dedupe.expires);
  const properties =
    expires === undefined ? unread : { TimeToLiveSpecification: { AttributeName: "expiration", Enabled: expires } };
  return [
    {
      id: "Dedupe",
      resource: { Type: "AWS::DynamoDB::Table", Properties: properties },
      subject: { kind: "table", name: dedupe.tableName },
    },
  ];
};

const parsed = (policy: string): unknown => {
  try {
    return JSON.parse(policy);
  } catch {
    // SQS accepts only JSON. A local engine may not.
    return {};
  }
};

const queueEntries = (queue: QueueFacts, id: string): readonly Entry[] => {
  const found = knownValue(queue.attributes);
  const subject: Subject = {
    kind: "queue",
    name: queue.name,
    url: knownValue(queue.url) ?? queue.address,
    policy: found?.Policy,
  };
  const { Policy, FifoQueue, VisibilityTimeout, MessageRetentionPeriod } = found ?? {};
  const { RedrivePolicy, SqsManagedSseEnabled, KmsMasterKeyId } = found ?? {};
  const properties = without({
    FifoQueue,
    VisibilityTimeout,
    MessageRetentionPeriod,
    RedrivePolicy: RedrivePolicy || undefined,
    SqsManagedSseEnabled,
    KmsMasterKeyId: KmsMasterKeyId || undefined,
  });
  const entry = { id, resource: { Type: "AWS::SQS::Queue", Properties: found ? properties : unread }, subject };
  if (!Policy) return [entry];
  const policy = { Queues: [{ Ref: id }], PolicyDocument: parsed(Policy) };
  return [entry, { id: `${id}Policy`, resource: { Type: "AWS::SQS::QueuePolicy", Properties: policy } }];
};

/** Writes the deployment as a template. */
export const liveTemplate = (facts: Facts): LiveTemplate => {
  const { function: target, streams, queues } = facts;
  const queueIds = new Map(queues.map(({ address }, index) => [queueIdOf(address), `Queue${index}`]));
  const tableIds = new Map(streams.map(({ streamArn }, index) => [streamArn, `Table${index}`]));
  const mappings = knownValue(target.mappings) ?? [];
  const entries: readonly Entry[] = [
    functionEntry(facts, queueIds),
    ...mappings.map((mapping, index) => mappingEntry(mapping, index, tableIds, queueIds, streams)),
    ...streams.map((stream, index) => tableEntry(stream, `Table${index}`)),
    ...queues.flatMap((queue, index) => queueEntries(queue, `Queue${index}`)),
    ...dedupeEntries(facts),
  ];
  return {
    template: { Resources: Object.fromEntries(entries.map(({ id, resource }) => [id, resource])) },
    subjects: new Map(entries.flatMap(({ id, subject }) => (subject === undefined ? [] : [[id, subject] as const]))),
  };
};
