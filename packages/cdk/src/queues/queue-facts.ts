// What the template says about a queue that was made elsewhere. Imported queues say nothing.

import { CfnQueue, type IQueue } from "aws-cdk-lib/aws-sqs";
import { knownNumber } from "../pipeline/known.ts";

/** SQS' own values for properties that a template leaves out. */
const defaults = { visibilitySeconds: 30, retentionSeconds: 345_600 };

/** Properties of a queue. A member is undefined if it is not known at synth. */
export interface QueueFacts {
  readonly visibilitySeconds: number | undefined;
  readonly retentionSeconds: number | undefined;
  readonly movesMessages: boolean;
}

/** Reads a queue's properties from its Cfn resource. */
export const factsOf = (queue: IQueue): QueueFacts => {
  const resource = queue.node.defaultChild;
  if (!(resource instanceof CfnQueue)) {
    return { visibilitySeconds: undefined, retentionSeconds: undefined, movesMessages: false };
  }
  return {
    visibilitySeconds: knownNumber(resource.visibilityTimeout ?? defaults.visibilitySeconds),
    retentionSeconds: knownNumber(resource.messageRetentionPeriod ?? defaults.retentionSeconds),
    movesMessages: resource.redrivePolicy !== undefined,
  };
};

/** Whether a value is a queue and no options. */
export const isQueue = (value: object | undefined): value is IQueue => value !== undefined && "queueArn" in value;
