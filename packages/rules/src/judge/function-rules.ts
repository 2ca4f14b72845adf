// Rules of the pipeline's function, its dedupe table and its queues.

import { type Deployment, functionProperty, isTable, type Mapping } from "./deployment.ts";
import type { RuleFinding } from "./finding.ts";
import type { MappingRule } from "./stream-rules.ts";
import {
  booleanOf,
  hasUnknown,
  isObject,
  type Json,
  numberOf,
  type Read,
  type Resource,
  read,
  readPath,
  referenceOf,
  textOf,
  unknown,
} from "./template.ts";

/** A rule of one resource. */
export type ResourceRule = (resource: Resource, deployment: Deployment) => readonly RuleFinding[];

const oldestRuntime = 22;
const shortestTimeout = 5;
const lambdaTimeout = 3;
const timeoutsPerVisibility = 6;
const retentionSeconds = 1_209_600;
/** The time after which core makes a dead letter of a retry, unless the pipeline has another one. */
const retryAgeSeconds = 86_400;
/** SQS' own values for properties that a template leaves out. */
const queueDefaults = { visibility: 30, retention: 345_600 };

/** The packages and the SDK need Node.js 22. Functions in other languages are not judged. */
export const runtime: ResourceRule = (target, deployment) => {
  const name = textOf(functionProperty(deployment, target, "Runtime"));
  const version = typeof name === "string" ? Number(/^nodejs(\d+)/.exec(name)?.[1] ?? Number.NaN) : Number.NaN;
  if (Number.isNaN(version) || version >= oldestRuntime) return [];
  return [
    {
      code: "RUNTIME_TOO_OLD",
      resource: target.id,
      found: `Runtime ${String(name)}`,
      expected: `nodejs${oldestRuntime}.x or later`,
      fix: "Set Runtime to nodejs24.x. The packages of Sluice and the AWS SDK need it.",
    },
  ];
};

const timeoutOf = (target: Resource, deployment: Deployment): number | typeof unknown =>
  target.properties === unknown
    ? unknown
    : (numberOf(functionProperty(deployment, target, "Timeout")) ?? lambdaTimeout);

/** An invocation needs time to start, and to store what failed. */
export const timeout: ResourceRule = (target, deployment) => {
  const seconds = timeoutOf(target, deployment);
  if (seconds === unknown || seconds >= shortestTimeout) return [];
  return [
    {
      code: "TIMEOUT_TOO_SHORT",
      resource: target.id,
      found: `a timeout of ${seconds} s`,
      expected: `at least ${shortestTimeout} s, and the longest request of a sink besides`,
      fix: "Set Timeout to 60. An invocation needs time to start, and to store what failed.",
    },
  ];
};

const isFifo = (queue: Resource): Read<boolean> => booleanOf(read(queue.properties, "FifoQueue"));

const queueOf = ({ source }: Mapping, { resources }: Deployment): Resource | undefined =>
  resources.get(referenceOf(source)?.id ?? "");

/** SQS must not deliver a message that is still being written. */
export const visibility: MappingRule = (mapping, deployment) => {
  const queue = queueOf(mapping, deployment);
  const target = deployment.resources.get(mapping.functionId ?? "");
  if (queue === undefined || queue.properties === unknown || target === undefined) return [];
  const found = numberOf(read(queue.properties, "VisibilityTimeout")) ?? queueDefaults.visibility;
  const seconds = timeoutOf(target, deployment);
  if (found === unknown || seconds === unknown || found >= timeoutsPerVisibility * seconds) return [];
  return [
    {
      code: "VISIBILITY_TOO_SHORT",
      resource: queue.id,
      found: `a visibility timeout of ${found} s, and a timeout of the function of ${seconds} s`,
      expected: `at least ${timeoutsPerVisibility * seconds} s`,
      fix: `Set VisibilityTimeout to ${timeoutsPerVisibility * seconds}, or lower the function's timeout. SQS redelivers a message that is still being written.`,
    },
  ];
};

const largestWithoutWindow = 10;

/** Lambda requires a window for more than 10 messages, and supports none for a FIFO queue. */
export const window: MappingRule = (mapping, deployment) => {
  const queue = queueOf(mapping, deployment);
  const size = numberOf(read(mapping.properties, "BatchSize")) ?? largestWithoutWindow;
  const seconds = numberOf(read(mapping.properties, "MaximumBatchingWindowInSeconds")) ?? 0;
  if (size === unknown || seconds === unknown) return [];
  const fifo = queue === undefined ? unknown : isFifo(queue);
  if (fifo === true && seconds > 0) {
    return [
      {
        code: "WINDOW_FIFO",
        resource: mapping.id,
        found: `a batching window of ${seconds} s for a FIFO queue`,
        expected: "no window",
        fix: "Remove MaximumBatchingWindowInSeconds. Lambda does not support it for a FIFO queue.",
      },
    ];
  }
  if (size <= largestWithoutWindow || seconds > 0 || fifo === true) return [];
  return [
    {
      code: "WINDOW_MISSING",
      resource: mapping.id,
      found: `BatchSize ${size} without a batching window`,
      expected: "a window of at least 1 s",
      fix: "Set MaximumBatchingWindowInSeconds to 1, or BatchSize to 10.",
    },
  ];
};

/** SQS deletes dead letters after the retention. */
export const deadLetterRetention: ResourceRule = (queue) => {
  if (queue.properties === unknown) return [];
  const found = numberOf(read(queue.properties, "MessageRetentionPeriod")) ?? queueDefaults.retention;
  if (found === unknown || found >= retentionSeconds) return [];
  return [
    {
      code: "DEAD_LETTERS_TOO_SHORT",
      resource: queue.id,
      found: `a retention of ${found} s`,
      expected: `${retentionSeconds} s (14 days)`,
      fix: `Set MessageRetentionPeriod to ${retentionSeconds}. SQS would delete rejected changes before they are redriven.`,
    },
  ];
};

/** SQS must not delete a retry before core makes a dead letter of it. */
export const retryRetention: ResourceRule = (queue) => {
  if (queue.properties === unknown) return [];
  const found = numberOf(read(queue.properties, "MessageRetentionPeriod")) ?? queueDefaults.retention;
  if (found === unknown || found > retryAgeSeconds) return [];
  return [
    {
      code: "RETRIES_TOO_SHORT",
      resource: queue.id,
      found: `a retention of ${found} s`,
      expected: `more than the retry queue's maxAgeSeconds, which is ${retryAgeSeconds} s by default`,
      fix: `Set MessageRetentionPeriod to ${retentionSeconds}. SQS would delete a delivery before it becomes a dead letter.`,
    },
  ];
};

/** Retries and redrives receive a message many times. */
export const movedMessages: ResourceRule = (queue) => {
  const policy = read(queue.properties, "RedrivePolicy");
  if (policy === undefined || policy === unknown) return [];
  return [
    {
      code: "QUEUE_MOVES_MESSAGES",
      resource: queue.id,
      found: "a RedrivePolicy",
      expected: "no RedrivePolicy",
      fix: "Remove RedrivePolicy. Retries and redrives receive a message many times, and SQS would move it to a queue that the pipeline does not know.",
    },
  ];
};

/** SQS encrypts queues with its own key unless the template says otherwise. */
export const encryption: ResourceRule = (queue) => {
  const managed = booleanOf(read(queue.properties, "SqsManagedSseEnabled"));
  if (managed !== false || read(queue.properties, "KmsMasterKeyId") !== undefined) return [];
  return [
    {
      code: "QUEUE_UNENCRYPTED",
      resource: queue.id,
      found: "SqsManagedSseEnabled false, and no KmsMasterKeyId",
      expected: "an encrypted queue",
      fix: "Set SqsManagedSseEnabled to true, or KmsMasterKeyId to a key.",
    },
  ];
};

const listOf = (value: Json | undefined): readonly Json[] =>
  Array.isArray(value) ? value : value == null ? [] : [value];

const plainText = /"aws:SecureTransport":(false|"false"|\[(false|"false")\])/i;

/** Whether a statement, as far as it is known, may refuse requests without TLS. */
const mayRefuse = (statement: Json): boolean => {
  if (!isObject(statement)) return false;
  if (read({ statement }, "statement") === unknown) return true;
  const effect = read(statement, "Effect");
  const condition = read(statement, "Condition");
  if (effect === unknown) return true;
  if (effect !== "Deny" || condition === undefined) return false;
  return condition === unknown || hasUnknown(condition) || plainText.test(JSON.stringify(condition));
};

/** Whether a policy, as far as it is known, may belong to the queue and refuse requests without TLS. */
const mayProtect = ({ properties }: Resource, queue: Resource, { resources }: Deployment): boolean => {
  const queues = read(properties, "Queues");
  const statements = readPath(properties, ["PolicyDocument", "Statement"]);
  const mayName = (entry: Json): boolean => {
    const id = referenceOf(entry)?.id;
    // A parameter, an import, or an address: it may be this queue's.
    return id === queue.id || id === undefined || !resources.has(id);
  };
  if (queues !== unknown && !listOf(queues).some(mayName)) return false;
  return statements === unknown || listOf(statements).some(mayRefuse);
};

/** SQS also answers requests without TLS, unless a policy of the queue refuses them. */
export const transport: ResourceRule = (queue, deployment) => {
  const policies = [...deployment.resources.values()].filter(({ type }) => type === "AWS::SQS::QueuePolicy");
  if (queue.properties === unknown || policies.some((policy) => mayProtect(policy, queue, deployment))) return [];
  return [
    {
      code: "QUEUE_WITHOUT_TLS",
      resource: queue.id,
      found: "no policy of the queue that refuses requests without TLS",
      expected: "a statement with Effect Deny and the condition aws:SecureTransport false",
      fix: "Set enforceSSL of the queue, or add an AWS::SQS::QueuePolicy with this statement.",
    },
  ];
};

/** Entries of the dedupe table must expire. */
export const timeToLive: ResourceRule = (table) => {
  if (!isTable(table) || table.properties === unknown) return [];
  const specification = read(table.properties, "TimeToLiveSpecification");
  const enabled = booleanOf(readPath(table.properties, ["TimeToLiveSpecification", "Enabled"]));
  if (specification === unknown || (specification !== undefined && (enabled === true || enabled === unknown)))
    return [];
  return [
    {
      code: "TTL_MISSING",
      resource: table.id,
      found: "a dedupe table whose entries do not expire",
      expected: "TTL on the attribute expiration",
      fix: "Set TimeToLiveSpecification to { AttributeName: expiration, Enabled: true }.",
    },
  ];
};
