// The queue of rejected records. Nothing consumes it: a redrive does.

import { DeployError, rightRows } from "@sluice/rules";
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { Grant, IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { type IQueue, Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { acknowledge } from "../acknowledge.ts";
import { allowActions } from "../function/allow.ts";
import { factsOf } from "./queue-facts.ts";

/** The longest retention that SQS has. A shorter one deletes dead letters before anybody looked. */
export const retention: Duration = Duration.days(14);

/** The encryption of a queue. */
export const queueEncryption = (
  key: IKey | undefined,
): { readonly encryption: QueueEncryption; readonly encryptionMasterKey?: IKey } =>
  key === undefined
    ? { encryption: QueueEncryption.SQS_MANAGED }
    : { encryption: QueueEncryption.KMS, encryptionMasterKey: key };

/** Options of `DeadLetters`. */
export interface DeadLettersOptions {
  /** A key of your own. Default: a key that SQS manages, which costs nothing. */
  readonly encryptionKey?: IKey;
  /** Default `RETAIN`: a dead letter may be the only copy of a change, also after the stack is deleted. */
  readonly removalPolicy?: RemovalPolicy;
}

/** The dead-letter queue of a pipeline: standard, 14 days, encrypted, TLS only. */
export class DeadLetters extends Construct {
  readonly queue: IQueue;

  constructor(scope: Construct, id: string, options: DeadLettersOptions = {}) {
    super(scope, id);
    this.queue = new Queue(this, "Queue", {
      retentionPeriod: retention,
      enforceSSL: true,
      removalPolicy: options.removalPolicy ?? RemovalPolicy.RETAIN,
      ...queueEncryption(options.encryptionKey),
    });
    acknowledge(this, "AwsSolutions-SQS3");
  }

  /** Allows a pipeline's function to store dead letters. */
  grantSend(grantee: IGrantable): void {
    grantSend(this.queue, grantee);
  }
}

/** Grants actions on a queue, and the use of its key to send messages. */
export const grantQueue = (queue: IQueue, grantee: IGrantable, actions: readonly string[]): readonly Grant[] => {
  const queueGrant = allowActions(grantee, actions, [queue.queueArn]);
  const key = queue.encryptionMasterKey?.grant(grantee, ...rightRows.deadLettersKey.actions);
  return key === undefined ? [queueGrant] : [queueGrant, key];
};

/** Grants exactly what `sqsDeadLetterQueue` needs. */
export const grantSend = (queue: IQueue, grantee: IGrantable): readonly Grant[] =>
  grantQueue(queue, grantee, rightRows.deadLetters.actions);

/** Throws if a given dead-letter queue is known to delete messages too early, or to move them away. */
export const checkDeadLetters = (queue: IQueue): void => {
  const { retentionSeconds, movesMessages } = factsOf(queue);
  if (retentionSeconds !== undefined && retentionSeconds < retention.toSeconds()) {
    throw new DeployError(
      "DEAD_LETTERS_TOO_SHORT",
      `the dead-letter queue ${queue.node.path} keeps messages for ${retentionSeconds} s, expected 1209600 s (14 days): ` +
        "SQS would delete rejected changes before they are redriven. Set its retentionPeriod to Duration.days(14).",
    );
  }
  if (movesMessages) throw movedMessages("dead-letter queue", queue);
};

/** A queue whose messages SQS moves to another queue after some receives. */
export const movedMessages = (kind: string, queue: IQueue): DeployError =>
  new DeployError(
    "QUEUE_MOVES_MESSAGES",
    `the ${kind} ${queue.node.path} has a redrive policy (deadLetterQueue), expected none: retries and redrives receive ` +
      "a message many times, so SQS would move it to a queue that the pipeline does not know. Remove the redrive policy.",
  );
