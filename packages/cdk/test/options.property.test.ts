// Options combined in every way: valid ones never throw, and the rules and the dependencies of their templates are right; with
// one wrong option, the error is a DeployError.

import { expect, test } from "@jest/globals";
import {
  DeployError,
  emailAccess,
  eventBusAccess,
  judgeTemplate,
  openSearchAccess,
  postgresAccess,
  type SinkAccess,
  snsAccess,
  sqsAccess,
  tableAccess,
  webhookAccess,
} from "@sluice/cdk";
import { CfnParameter, Duration, type Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { EventBus } from "aws-cdk-lib/aws-events";
import { Key } from "aws-cdk-lib/aws-kms";
import { Domain, EngineVersion } from "aws-cdk-lib/aws-opensearchservice";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { type ISecret, Secret } from "aws-cdk-lib/aws-secretsmanager";
import { EmailIdentity, Identity } from "aws-cdk-lib/aws-ses";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Queue } from "aws-cdk-lib/aws-sqs";
import fc from "fast-check";
import { circleIn } from "./support/circles.ts";
import {
  databaseOf,
  entry,
  functionOf,
  type PipelineChanges,
  pipelineOf,
  tableOf,
  unbundled,
  vpcOf,
} from "./support/pipeline.ts";

type Option<Value> = readonly [text: string, make: (stack: Stack) => Value];

const seconds = (value: number): Duration => Duration.seconds(value);
const parameter = (stack: Stack): number => new CfnParameter(stack, "Number", { type: "Number" }).valueAsNumber;
const keyOf = (stack: Stack): Key => (stack.node.tryFindChild("Key") as Key | undefined) ?? new Key(stack, "Key");
const vpcIn = (stack: Stack) => (stack.node.tryFindChild("Vpc") as never) ?? vpcOf(stack, "Vpc");
const topicIn = (stack: Stack): Topic =>
  (stack.node.tryFindChild("Topic") as Topic | undefined) ??
  new Topic(stack, "Topic", { masterKey: keyOf(stack), enforceSSL: true });

const accesses: readonly Option<SinkAccess>[] = [
  ["sns", (stack) => snsAccess({ topic: topicIn(stack) })],
  ["sqs", (stack) => sqsAccess({ queue: new Queue(stack, "Target", { encryptionMasterKey: keyOf(stack) }) })],
  ["bus", (stack) => eventBusAccess({ eventBus: new EventBus(stack, "Bus") })],
  ["table", (stack) => tableAccess({ table: tableOf(stack, undefined, "Copy"), sharesKeys: true })],
  ["webhook", (stack) => webhookAccess({ vpc: vpcIn(stack), secret: new Secret(stack, "Hook") })],
  ["search", (stack) => openSearchAccess({ domain: new Domain(stack, "Search", { version }), index: ["a", "b"] })],
  ["mail", (stack) => emailAccess({ identity: new EmailIdentity(stack, "Mail", { identity }), from: "*@example.com" })],
  [
    "postgres",
    (stack) => {
      const vpc = vpcIn(stack);
      const database = databaseOf(vpc);
      return postgresAccess({ vpc, database, secret: database.secret as ISecret });
    },
  ],
];
const version = EngineVersion.OPENSEARCH_2_19;
const identity = Identity.domain("example.com");

/** Values of each option that are valid together. */
const options: Readonly<Record<string, readonly Option<PipelineChanges>[]>> = {
  mapping: [
    [
      "mapping: numbers",
      () => ({ mapping: { batchSize: 10_000, batchingWindow: seconds(0), parallelizationFactor: 10 } }),
    ],
    ["mapping: bounds", () => ({ mapping: { retryAttempts: 0, maxRecordAge: Duration.hours(23), metrics: true } })],
    ["mapping: position", () => ({ mapping: { startingPosition: "LATEST", latestBecause: "it is empty" } })],
    ["mapping: bisect", () => ({ mapping: { bisectBatchOnError: false, enabled: false, logicalId: "Old1" } })],
    ["mapping: tokens", (stack) => ({ mapping: { batchSize: parameter(stack) } })],
    [
      "mapping: filters",
      (stack) => ({
        mapping: { filters: [{ eventName: ["INSERT"] }], filtersDropRemovals: true, filterEncryption: keyOf(stack) },
      }),
    ],
  ],
  functionOptions: [
    ["function: sizes", () => ({ functionOptions: { timeout: seconds(900), memorySize: 10_240 } })],
    ["function: concurrency", () => ({ functionOptions: { reservedConcurrency: 20, provisionedConcurrency: 20 } })],
    [
      "function: keys",
      (stack) => ({ functionOptions: { logEncryptionKey: keyOf(stack), environmentEncryption: keyOf(stack) } }),
    ],
    ["function: network", (stack) => ({ functionOptions: { network: { vpc: vpcIn(stack) } } })],
  ],
  retryQueue: [
    ["retries: none", () => ({ retryQueue: false })],
    ["retries: FIFO", (stack) => ({ retryQueue: { fifo: true, encryptionKey: keyOf(stack), maxConcurrency: 2 } })],
    ["retries: batch", () => ({ retryQueue: { batchSize: 10, visibilityTimeout: Duration.hours(12) } })],
    ["retries: given", (stack) => ({ retryQueue: Queue.fromQueueArn(stack, "R", "arn:aws:sqs:eu-west-1:1:r.fifo") })],
  ],
  deadLetters: [
    ["dead letters: key", (stack) => ({ deadLetters: { encryptionKey: keyOf(stack) } })],
    ["dead letters: given", (stack) => ({ deadLetters: Queue.fromQueueArn(stack, "D", "arn:aws:sqs:eu-west-1:1:d") })],
  ],
  onFailure: [
    ["destination: key", (stack) => ({ onFailure: { encryptionKey: keyOf(stack), expiration: Duration.days(1) } })],
    ["destination: bucket", (stack) => ({ onFailure: Bucket.fromBucketName(stack, "B", "failed") })],
    ["destination: queue", (stack) => ({ onFailure: new Queue(stack, "Failed") })],
  ],
  dedupe: [
    ["dedupe", () => ({ dedupe: true })],
    ["dedupe: key", (stack) => ({ dedupe: { encryptionKey: keyOf(stack), uses: ["always", "retry"] } })],
  ],
  payloads: [
    ["payloads", () => ({ payloads: true })],
    ["payloads: key", (stack) => ({ payloads: { encryptionKey: keyOf(stack) } })],
  ],
  redrive: [
    ["redrive", () => ({ redrive: {} })],
    [
      "redrive: approval",
      (stack) => ({ redrive: { topic: topicIn(stack), approval: true, batchTimeout: seconds(900) } }),
    ],
  ],
  copies: [["backfill and verify", () => ({ backfill: { entry }, verify: { entry, sample: 0.5, repairs: true } })]],
  alarms: [
    ["alarms: none", () => ({ alarms: false })],
    ["alarms", (stack) => ({ alarms: { actions: [topicIn(stack)], notifyWhenOver: true, routes: ["a", "b-c"] } })],
  ],
  dashboard: [["dashboard", () => ({ dashboard: { routes: ["a"] } })]],
  ensure: [["ensure", () => ({ ensure: { entry, timeout: Duration.minutes(14) } })]],
};

/** Redrive's batch function must outlive the pipeline's function. */
const excludes: readonly (readonly [string, string])[] = [
  ["function: sizes", "redrive"],
  ["function: sizes", "redrive: approval"],
];

const chosen = fc
  .tuple(
    fc.subarray([...accesses]),
    ...Object.values(options).map((values) => fc.option(fc.constantFrom(...values), { nil: undefined })),
  )
  .map(([sinks, ...found]) => ({ sinks, found: found.filter((option) => option !== undefined) }))
  .filter(({ found }) => {
    const names = new Set(found.map(([name]) => name));
    return !excludes.some(([a, b]) => names.has(a) && names.has(b));
  });

/** Options that are wrong beside each others. */
const wrong: readonly Option<PipelineChanges>[] = [
  ["batch size", () => ({ mapping: { batchSize: 10_001 } })],
  ["window", () => ({ mapping: { batchingWindow: Duration.millis(1_500) } })],
  ["age", () => ({ mapping: { maxRecordAge: Duration.days(2) } })],
  ["position", () => ({ mapping: { startingPosition: "LATEST" } })],
  ["filters", () => ({ mapping: { filters: [{ eventName: ["INSERT"] }] } })],
  ["memory", () => ({ functionOptions: { memorySize: 100 } })],
  ["timeout", () => ({ functionOptions: { timeout: seconds(1_000) } })],
  ["retries", () => ({ retryQueue: { maxConcurrency: 1 } })],
  ["visibility", () => ({ retryQueue: { visibilityTimeout: seconds(1) } })],
  ["FIFO", () => ({ retryQueue: { fifo: true, batchSize: 11 } })],
  ["dead letters", (stack) => ({ deadLetters: new Queue(stack, "Short") })],
  ["threshold", () => ({ alarms: { thresholds: { errors: 0 } } })],
  ["entry and function", (stack) => ({ function: functionOf(stack), entry })],
  ["variable", () => ({ environment: { SOURCE_TABLE: "orders" } })],
  ["backfill", () => ({ backfill: { entry, maxConcurrency: 0 } })],
  ["ensure", () => ({ ensure: { entry, timeout: Duration.minutes(15) } })],
];

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const propsOf = (
  stack: Stack,
  { sinks, found }: { sinks: typeof accesses; found: readonly Option<PipelineChanges>[] },
) => ({
  sinks: sinks.map(([, make]) => make(stack)),
  ...Object.assign({}, ...found.map(([, make]) => make(stack))),
});

test(`valid options make a right template, seed ${seed}`, () => {
  fc.assert(
    fc.property(chosen, (options) => {
      const stack = unbundled();
      pipelineOf(stack, propsOf(stack, options));
      expect(judgeTemplate(Template.fromStack(stack).toJSON())).toEqual([]);
      expect(circleIn(stack)).toEqual([]);
    }),
    { seed, numRuns: 12 },
  );
});

test(`a wrong option beside valid ones is a DeployError, seed ${seed}`, () => {
  fc.assert(
    fc.property(chosen, fc.constantFrom(...wrong), (options, [, make]) => {
      const stack = unbundled();
      expect(() => pipelineOf(stack, { ...propsOf(stack, options), ...make(stack) })).toThrow(DeployError);
    }),
    { seed, numRuns: 30 },
  );
});
