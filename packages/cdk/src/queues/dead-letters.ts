// The queue of dead letters. A dead letter is the only copy of a change that a target refused, so it stays for 14 days.

import { Duration, RemovalPolicy, Token } from "aws-cdk-lib";
import type { IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { DeployError } from "../errors.ts";

/** The longest time for which SQS keeps a message. */
export const longestRetention: Duration = Duration.days(14);

/** Options of `DeadLetters`. */
export interface DeadLettersProps {
  /** A FIFO queue keeps the order of an item's dead letters. Default: a standard queue, which has no limit of throughput. */
  readonly fifo?: boolean;
  /** A key of your own. Default: the key of SQS. */
  readonly encryptionKey?: IKey;
  /** Default 14 days, the maximum. A shorter time is refused: dead letters would be gone before a long weekend is over. */
  readonly retention?: Duration;
  /** How long a receiver has a message for itself. Default 6 minutes: six times the default timeout of the function. */
  readonly visibilityTimeout?: Duration;
}

/** Grants sending alone: the grant of CDK also has rights that the sink of dead letters does not use. */
export const grantSend = (queue: Queue, grantee: IGrantable): void => {
  queue.grant(grantee, "sqs:SendMessage");
  queue.encryptionMasterKey?.grant(grantee, "kms:GenerateDataKey", "kms:Decrypt");
};

/** A queue of dead letters. It has no consumer: `sluice redrive` and the redrive workflow receive its messages. */
export class DeadLetters extends Construct {
  readonly queue: Queue;

  constructor(scope: Construct, id: string, props: DeadLettersProps = {}) {
    super(scope, id);
    const { retention = longestRetention, fifo = false, encryptionKey } = props;
    if (!Token.isUnresolved(retention) && retention.toSeconds() < longestRetention.toSeconds()) {
      throw new DeployError(
        "RETENTION_TOO_SHORT",
        `retention of the dead letters is ${retention.toSeconds()} s; expected ${longestRetention.toSeconds()} s, which is 14 days. Leave out the option retention`,
      );
    }
    this.queue = new Queue(this, "Queue", {
      retentionPeriod: retention,
      visibilityTimeout: props.visibilityTimeout ?? Duration.minutes(6),
      enforceSSL: true,
      // Dead letters are the only copies of their changes, so they outlive the stack.
      removalPolicy: RemovalPolicy.RETAIN,
      encryption: encryptionKey ? QueueEncryption.KMS : QueueEncryption.SQS_MANAGED,
      ...(encryptionKey && { encryptionMasterKey: encryptionKey }),
      // CDK refuses `fifo: false`.
      ...(fifo && { fifo: true }),
    });
  }

  /** Lets a function store dead letters. */
  grantSend(grantee: IGrantable): void {
    grantSend(this.queue, grantee);
  }
}
