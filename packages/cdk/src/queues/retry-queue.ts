// The queue of deliveries whose sink was not available. The pipeline's function sends to it, and consumes it.

import { Duration, Token } from "aws-cdk-lib";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { CfnEventSourceMapping, type IFunction } from "aws-cdk-lib/aws-lambda";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { DeployError } from "../errors.ts";
import { grantSend, longestRetention } from "./dead-letters.ts";

/** Lambda's own rule for a queue as an event source, so that a batch which Lambda could not start yet is not sent twice. */
const visibilityFactor = 6;

/** Options of `RetryQueue`. */
export interface RetryQueueProps {
  /** True for append routes whose changes must stay in order: then the queue's name ends in .fifo. Default: standard. */
  readonly fifo?: boolean;
  /** The timeout of the function that consumes the queue. Default 60 s. */
  readonly functionTimeout?: Duration;
  /** Default: six times the timeout of the function, and the batching window. A shorter time is refused. */
  readonly visibilityTimeout?: Duration;
  /** Deliveries for one call. Default 100 with a window of 1 s, for a FIFO queue 10, which is its maximum. */
  readonly batchSize?: number;
  /** How long the mapping collects a batch. Default 1 s; a FIFO queue has no window. */
  readonly batchingWindow?: Duration;
  /** Calls at the same time, 2 to 1,000. Default 10: retries must not take the whole concurrency of the account. */
  readonly maxConcurrency?: number;
  /** A key of your own. Default: the key of SQS. */
  readonly encryptionKey?: IKey;
}

/** A retry queue. Core limits the age of a delivery, so the queue has no `maxReceiveCount`. */
export class RetryQueue extends Construct {
  readonly queue: Queue;
  readonly #props: RetryQueueProps;

  constructor(scope: Construct, id: string, props: RetryQueueProps = {}) {
    super(scope, id);
    this.#props = props;
    const { fifo = false, encryptionKey } = props;
    this.queue = new Queue(this, "Queue", {
      visibilityTimeout: this.#visibilityTimeout(),
      // Longer than the longest `maxAgeSeconds` of `sqsRetryQueue`: SQS must never delete a delivery.
      retentionPeriod: longestRetention,
      enforceSSL: true,
      encryption: encryptionKey ? QueueEncryption.KMS : QueueEncryption.SQS_MANAGED,
      ...(encryptionKey && { encryptionMasterKey: encryptionKey }),
      ...(fifo && { fifo: true }),
    });
  }

  get #window(): Duration {
    const { fifo, batchingWindow } = this.#props;
    return batchingWindow ?? (fifo ? Duration.seconds(0) : Duration.seconds(1));
  }

  #visibilityTimeout(): Duration {
    const { functionTimeout = Duration.seconds(60), visibilityTimeout } = this.#props;
    const least = visibilityFactor * functionTimeout.toSeconds() + this.#window.toSeconds();
    if (visibilityTimeout === undefined) return Duration.seconds(least);
    if (Token.isUnresolved(visibilityTimeout) || visibilityTimeout.toSeconds() >= least) return visibilityTimeout;
    throw new DeployError(
      "VISIBILITY_TOO_SHORT",
      `visibilityTimeout of the retry queue is ${visibilityTimeout.toSeconds()} s; expected ${least} s or more, which is six times the function's timeout. Leave out the option, or shorten the timeout`,
    );
  }

  /** Makes the queue an event source of the function, and lets the function send, postpone and delete messages. */
  connect(target: IFunction): CfnEventSourceMapping {
    const { fifo = false, batchSize = fifo ? 10 : 100, maxConcurrency = 10 } = this.#props;
    const most = fifo ? 10 : 10_000;
    if (batchSize < 1 || batchSize > most || (fifo && this.#window.toSeconds() > 0)) {
      throw new DeployError(
        "RETRY_BATCH_INVALID",
        `batchSize of the retry queue is ${batchSize}, its window ${this.#window.toSeconds()} s; expected 1 to ${most}${fifo ? ", and no window for a FIFO queue" : ""}`,
      );
    }
    if (batchSize > 10 && this.#window.toSeconds() < 1) {
      throw new DeployError(
        "RETRY_BATCH_INVALID",
        `batchSize of the retry queue is ${batchSize} without a window; Lambda expects a window of 1 s or more above 10 messages. Set batchingWindow`,
      );
    }
    grantSend(this.queue, target);
    this.queue.grant(
      target,
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ChangeMessageVisibility",
    );
    return new CfnEventSourceMapping(this, "Mapping", {
      functionName: target.functionArn,
      eventSourceArn: this.queue.queueArn,
      batchSize,
      maximumBatchingWindowInSeconds: this.#window.toSeconds(),
      functionResponseTypes: ["ReportBatchItemFailures"],
      scalingConfig: { maximumConcurrency: maxConcurrency },
      metricsConfig: { metrics: ["EventCount"] },
    });
  }
}
