// Breaks a good template in one place each.

import type { RuleCode } from "../../src/index.ts";

/** A template as Jest sees it. */
export interface TestTemplate {
  readonly Resources: Record<string, { Type: string; Properties: Record<string, unknown>; Metadata?: unknown }>;
}

/** A change of a template that yields findings with one code. */
export interface Mutation {
  readonly code: RuleCode;
  readonly name: string;
  /** The properties that it changes: two mutations of one property exclude each other. */
  readonly touches: string;
  readonly apply: (template: TestTemplate) => void;
}

type Properties = Record<string, unknown>;

const idOf = (template: TestTemplate, type: string, test: (properties: Properties, id: string) => boolean): string => {
  const found = Object.entries(template.Resources).find(
    ([id, { Type, Properties }]) => Type === type && test(Properties, id),
  );
  if (found === undefined) throw new Error(`the template has no such ${type}`);
  return found[0];
};

const of = (template: TestTemplate, id: string): Properties => template.Resources[id]?.Properties ?? {};

const variableOf = (template: TestTemplate, name: string): string => {
  const target = functionOf(template);
  const { Variables } = target.Environment as { Variables: Record<string, { Ref: string }> };
  return Variables[name]?.Ref ?? "";
};

const isStream = ({ StartingPosition }: Properties): boolean => StartingPosition !== undefined;

const streamOf = (template: TestTemplate): Properties =>
  of(template, idOf(template, "AWS::Lambda::EventSourceMapping", isStream));
const retryOf = (template: TestTemplate): Properties =>
  of(
    template,
    idOf(template, "AWS::Lambda::EventSourceMapping", (properties) => !isStream(properties)),
  );
const functionOf = (template: TestTemplate): Properties =>
  of(
    template,
    idOf(template, "AWS::Lambda::Function", ({ Environment }) => Environment !== undefined),
  );
const tableOf = (template: TestTemplate): Properties =>
  of(
    template,
    idOf(template, "AWS::DynamoDB::Table", ({ StreamSpecification }) => StreamSpecification !== undefined),
  );
const deadLettersOf = (template: TestTemplate): Properties =>
  of(template, variableOf(template, "DEAD_LETTER_QUEUE_URL"));
const retryQueueOf = (template: TestTemplate): Properties => of(template, variableOf(template, "RETRY_QUEUE_URL"));
const dedupeOf = (template: TestTemplate): Properties => of(template, variableOf(template, "DEDUPE_TABLE"));

const filter = (pattern: unknown) => ({ Filters: [{ Pattern: JSON.stringify(pattern) }] });

const set = (
  code: RuleCode,
  at: (template: TestTemplate) => Properties,
  property: string,
  value: unknown,
): Mutation => ({
  code,
  name: `${property} = ${JSON.stringify(value)?.slice(0, 60)}`,
  touches: `${at.name}.${property}`,
  apply: (template) => {
    if (value === undefined) delete at(template)[property];
    else at(template)[property] = value;
  },
});

/** The mutations: at least one of each code. */
export const mutations: readonly Mutation[] = [
  set("PARTIAL_RESPONSES_MISSING", streamOf, "FunctionResponseTypes", undefined),
  set("PARTIAL_RESPONSES_MISSING", retryOf, "FunctionResponseTypes", []),
  // The good template bounds the age, so the destination is needed.
  set("DESTINATION_MISSING", streamOf, "DestinationConfig", undefined),
  set("DESTINATION_FIFO", streamOf, "DestinationConfig", {
    OnFailure: { Destination: "arn:aws:sqs:eu-west-1:123456789012:failed.fifo" },
  }),
  set("BISECT_MISSING", streamOf, "BisectBatchOnFunctionError", false),
  set("BISECT_MISSING", streamOf, "BisectBatchOnFunctionError", undefined),
  set("LATEST_LOSES", streamOf, "StartingPosition", "LATEST"),
  set("TUMBLING_WINDOW", streamOf, "TumblingWindowInSeconds", 30),
  set("OPTION_RANGE", streamOf, "BatchSize", 10_001),
  set("OPTION_RANGE", streamOf, "ParallelizationFactor", "11"),
  set("OPTION_RANGE", streamOf, "MaximumBatchingWindowInSeconds", 301),
  set("OPTION_RANGE", streamOf, "MaximumRecordAgeInSeconds", 30),
  set("RECORD_AGE_TOO_LONG", streamOf, "MaximumRecordAgeInSeconds", 90_000),
  set("FILTER_DROPS_REMOVALS", streamOf, "FilterCriteria", filter({ eventName: ["INSERT", "MODIFY"] })),
  set("FILTER_SHAPE", streamOf, "FilterCriteria", filter({ eventName: "REMOVE" })),
  set("FILTER_SHAPE", streamOf, "FilterCriteria", filter({ pattern: '{"eventName":["REMOVE"]}' })),
  set("FILTER_NUMBER", streamOf, "FilterCriteria", filter({ dynamodb: { Keys: { pk: { N: [5] } } } })),
  set("FILTER_UNTYPED", streamOf, "FilterCriteria", filter({ dynamodb: { Keys: { pk: ["a"] } } })),
  set("FILTER_TOO_LONG", streamOf, "FilterCriteria", filter({ eventName: ["REMOVE", "x".repeat(5_000)] })),
  set("FILTERS_TOO_MANY", streamOf, "FilterCriteria", {
    Filters: Array.from({ length: 11 }, () => ({ Pattern: '{"eventName":["REMOVE"]}' })),
  }),
  set("STREAM_MISSING", tableOf, "StreamSpecification", undefined),
  set("VIEW_TYPE", tableOf, "StreamSpecification", { StreamViewType: "KEYS_ONLY" }),
  set("RUNTIME_TOO_OLD", functionOf, "Runtime", "nodejs20.x"),
  set("TIMEOUT_TOO_SHORT", functionOf, "Timeout", 4),
  set("TIMEOUT_TOO_SHORT", functionOf, "Timeout", undefined),
  set("VISIBILITY_TOO_SHORT", functionOf, "Timeout", 900),
  set("VISIBILITY_TOO_SHORT", retryQueueOf, "VisibilityTimeout", 20),
  set("WINDOW_MISSING", retryOf, "MaximumBatchingWindowInSeconds", undefined),
  set("WINDOW_FIFO", retryQueueOf, "FifoQueue", true),
  set("DEAD_LETTERS_TOO_SHORT", deadLettersOf, "MessageRetentionPeriod", 345_600),
  set("DEAD_LETTERS_TOO_SHORT", deadLettersOf, "MessageRetentionPeriod", undefined),
  set("RETRIES_TOO_SHORT", retryQueueOf, "MessageRetentionPeriod", 86_400),
  set("QUEUE_MOVES_MESSAGES", deadLettersOf, "RedrivePolicy", { maxReceiveCount: 3 }),
  set("QUEUE_MOVES_MESSAGES", retryQueueOf, "RedrivePolicy", { maxReceiveCount: 3 }),
  set("QUEUE_UNENCRYPTED", deadLettersOf, "SqsManagedSseEnabled", false),
  set("QUEUE_UNENCRYPTED", retryQueueOf, "SqsManagedSseEnabled", false),
  set("TTL_MISSING", dedupeOf, "TimeToLiveSpecification", undefined),
  {
    code: "FILTER_VIEW_TYPE",
    name: "filters on a stream of new images",
    touches: "streamOf.FilterCriteria",
    apply: (template) => {
      tableOf(template).StreamSpecification = { StreamViewType: "NEW_IMAGE" };
      streamOf(template).FilterCriteria = filter({ eventName: ["REMOVE"] });
    },
  },
  {
    code: "MAPPING_TWICE",
    name: "a second mapping of the stream",
    touches: "mappings",
    apply: (template) => {
      template.Resources.Second = { Type: "AWS::Lambda::EventSourceMapping", Properties: { ...streamOf(template) } };
    },
  },
  {
    code: "QUEUE_WITHOUT_TLS",
    name: "no policy of the dead-letter queue",
    touches: "policies",
    apply: (template) => {
      const queue = variableOf(template, "DEAD_LETTER_QUEUE_URL");
      const isOfQueue = ({ Queues }: Properties): boolean => JSON.stringify(Queues).includes(`"${queue}"`);
      delete template.Resources[idOf(template, "AWS::SQS::QueuePolicy", isOfQueue)];
    },
  },
  {
    code: "QUEUE_WITHOUT_TLS",
    name: "a policy of the dead-letter queue that refuses nothing",
    touches: "policies",
    apply: (template) => {
      const queue = variableOf(template, "DEAD_LETTER_QUEUE_URL");
      const isOfQueue = ({ Queues }: Properties): boolean => JSON.stringify(Queues).includes(`"${queue}"`);
      of(template, idOf(template, "AWS::SQS::QueuePolicy", isOfQueue)).PolicyDocument = {
        Statement: [{ Effect: "Allow", Action: "sqs:*", Condition: { Bool: { "aws:SecureTransport": "true" } } }],
      };
    },
  },
];

/**
 * Mutations whose effect depends on another one: a timeout of 4 s or less suits a short visibility, and a FIFO queue needs no
 * window where a missing window is a finding. Filters and the view type are judged together.
 */
export const dependent: readonly (readonly [string, string])[] = [
  ["streamOf.FilterCriteria", "tableOf.StreamSpecification"],
  ["functionOf.Timeout", "retryQueueOf.VisibilityTimeout"],
  ["retryOf.MaximumBatchingWindowInSeconds", "retryQueueOf.FifoQueue"],
  ["streamOf.DestinationConfig", "streamOf.MaximumRecordAgeInSeconds"],
];
