// The queue of deliveries that wait for their target, and the mapping with which the function consumes it.

import { DeployError, rightRows } from "@sluice/rules";
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { CfnEventSourceMapping, type IFunction } from "aws-cdk-lib/aws-lambda";
import { type IQueue, Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { acknowledge } from "../acknowledge.ts";
import { checkRange, knownSeconds } from "../pipeline/known.ts";
import { grantQueue, movedMessages, queueEncryption, retention } from "./dead-letters.ts";
import { factsOf } from "./queue-facts.ts";

/** AWS advises a visibility timeout of six times the function's timeout: a throttled batch is attempted again later. */
const timeoutsPerVisibility = 6;

/** Lambda's longest timeout in seconds, assumed if the timeout is a token. */
const longestTimeout = 900;

/** How the function consumes a retry queue. */
export interface RetryConsumption {
  /**
   * Messages of one batch. Default 100, or 10 for a FIFO queue, which is its maximum. After an outage, large batches empty
   * the queue faster, because a sink writes a batch with one request.
   */
  readonly batchSize?: number;
  /** How long Lambda waits for a full batch. Default 1 second if `batchSize` is over 10, where Lambda requires a window. */
  readonly batchingWindow?: Duration;
  /**
   * The most batches at once, from 2 to 1,000. Default 10: retries must not take the concurrency from the stream, nor
   * overload a target that has just come back.
   */
  readonly maxConcurrency?: number;
}

/** Options of `Retries`. */
export interface RetryQueueOptions extends RetryConsumption {
  /** A FIFO queue, which append routes need. Default `false`: a standard queue, which upsert routes can use. */
  readonly fifo?: boolean;
  /** Default: six times the function's timeout. A shorter one is refused. */
  readonly visibilityTimeout?: Duration;
  /** A key of your own. Default: a key that SQS manages, which costs nothing. */
  readonly encryptionKey?: IKey;
  /** Default `RETAIN`: a waiting delivery may be the only copy of a change, also after the stack is deleted. */
  readonly removalPolicy?: RemovalPolicy;
}

/** The options of a retry queue, and the function that consumes the queue. */
export interface RetriesProps extends RetryQueueOptions {
  /** The pipeline's function, or its alias. */
  readonly target: IFunction;
  /** The timeout of the function. */
  readonly timeout: Duration | undefined;
  /** A queue of your own. Default: the construct creates one. */
  readonly queue?: IQueue;
}

/** The retry queue of a pipeline: 14 days, encrypted, TLS only, and consumed by the pipeline's function. */
export class Retries extends Construct {
  readonly queue: IQueue;
  readonly mapping: CfnEventSourceMapping;

  constructor(scope: Construct, id: string, props: RetriesProps) {
    super(scope, id);
    checkRange(
      "retryQueue.visibilityTimeout in seconds",
      knownSeconds(props.visibilityTimeout),
      [0, 43_200],
      "SQS hides a message for at most 12 hours",
    );
    this.queue = props.queue ?? newQueue(this, props);
    acknowledge(this, "AwsSolutions-SQS3");
    checkVisibility(this.queue, props);
    this.mapping = consumerOf(this, this.queue, props);
    for (const grant of grantQueue(this.queue, props.target, rightRows.retryQueue.actions))
      grant.applyBefore(this.mapping);
  }
}

const newQueue = (scope: Construct, { fifo, visibilityTimeout, timeout, ...options }: RetriesProps): Queue =>
  new Queue(scope, "Queue", {
    // `fifo: false` is refused by CloudFormation.
    ...(fifo === true && { fifo, contentBasedDeduplication: false }),
    visibilityTimeout:
      visibilityTimeout ?? Duration.seconds(timeoutsPerVisibility * (knownSeconds(timeout) ?? longestTimeout)),
    retentionPeriod: retention,
    enforceSSL: true,
    removalPolicy: options.removalPolicy ?? RemovalPolicy.RETAIN,
    ...queueEncryption(options.encryptionKey),
  });

const checkVisibility = (queue: IQueue, { timeout }: RetriesProps): void => {
  const { visibilitySeconds, movesMessages } = factsOf(queue);
  const seconds = knownSeconds(timeout);
  if (visibilitySeconds !== undefined && seconds !== undefined && visibilitySeconds < timeoutsPerVisibility * seconds) {
    throw new DeployError(
      "VISIBILITY_TOO_SHORT",
      `the retry queue ${queue.node.path} has a visibility timeout of ${visibilitySeconds} s, expected at least ` +
        `${timeoutsPerVisibility * seconds} s, six times the function's timeout of ${seconds} s: SQS would deliver a message ` +
        "that is still being written. Raise visibilityTimeout, or lower the function's timeout.",
    );
  }
  if (movesMessages) throw movedMessages("retry queue", queue);
};

const checkConsumption = (isFifo: boolean, batchSize: number, window: number | undefined): void => {
  checkRange(
    "retryQueue.batchSize",
    batchSize,
    [1, isFifo ? 10 : 10_000],
    isFifo ? "a batch of a FIFO queue has at most 10 messages" : "a batch of a queue has at most 10,000 messages",
  );
  checkRange("retryQueue.batchingWindow in seconds", window, [0, 300], "Lambda waits at most five minutes for a batch");
  if (isFifo && window !== undefined && window > 0) {
    throw new DeployError(
      "WINDOW_FIFO",
      `retryQueue.batchingWindow is ${window} s, expected none: Lambda does not support a window for a FIFO queue. ` +
        "Leave batchingWindow out.",
    );
  }
  if (batchSize > 10 && window === 0) {
    throw new DeployError(
      "WINDOW_MISSING",
      `retryQueue.batchSize is ${batchSize} and batchingWindow is 0 s, expected a window of at least 1 s: Lambda requires ` +
        "a window for more than 10 messages. Set batchingWindow to Duration.seconds(1), or batchSize to 10.",
    );
  }
};

const consumerOf = (scope: Construct, queue: IQueue, props: RetriesProps): CfnEventSourceMapping => {
  const { batchSize = queue.fifo ? 10 : 100, maxConcurrency = 10 } = props;
  const defaultWindow = batchSize > 10 ? Duration.seconds(1) : undefined;
  const window = props.batchingWindow ?? defaultWindow;
  checkConsumption(queue.fifo, batchSize, knownSeconds(window));
  checkRange(
    "retryQueue.maxConcurrency",
    maxConcurrency,
    [2, 1_000],
    "Lambda accepts no other concurrency for a queue",
  );
  return new CfnEventSourceMapping(scope, "Mapping", {
    functionName: props.target.functionArn,
    eventSourceArn: queue.queueArn,
    batchSize,
    ...(window && { maximumBatchingWindowInSeconds: window.toSeconds() }),
    scalingConfig: { maximumConcurrency: maxConcurrency },
    functionResponseTypes: ["ReportBatchItemFailures"],
    metricsConfig: { metrics: ["EventCount"] },
  });
};
