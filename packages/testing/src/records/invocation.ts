// The context object of an invocation, and the event of an SQS event source.

import { createHash } from "node:crypto";
import { checkOptionNames } from "@sluice/core/sink-kit";

/** Lambda's context object. */
export interface TestContext {
  readonly callbackWaitsForEmptyEventLoop: boolean;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly invokedFunctionArn: string;
  readonly memoryLimitInMB: string;
  readonly awsRequestId: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
  readonly getRemainingTimeInMillis: () => number;
  readonly done: () => void;
  readonly fail: () => void;
  readonly succeed: () => void;
}

/** Options of `lambdaContext`. */
export interface LambdaContextOptions {
  /** Milliseconds until the timeout, or a function that returns them. Default 60,000. */
  readonly remainingMs?: number | (() => number);
  readonly functionName?: string;
  readonly awsRequestId?: string;
}

const nothing = (): void => undefined;

/** Creates the context of an invocation. */
export const lambdaContext = (options: LambdaContextOptions = {}): TestContext => {
  checkOptionNames("lambdaContext", options, { remainingMs: true, functionName: true, awsRequestId: true });
  const { remainingMs = 60_000, functionName = "sluice" } = options;
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName,
    functionVersion: "$LATEST",
    invokedFunctionArn: `arn:aws:lambda:us-east-1:123456789012:function:${functionName}`,
    memoryLimitInMB: "512",
    awsRequestId: options.awsRequestId ?? "8f507cfc-xmpl-4697-b07a-ac58fc914c95",
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: "2026/01/02/[$LATEST]0123456789abcdef0123456789abcdef",
    getRemainingTimeInMillis: typeof remainingMs === "number" ? () => remainingMs : remainingMs,
    done: nothing,
    fail: nothing,
    succeed: nothing,
  };
};

/** One message of an SQS event. */
export interface SqsEventRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: {
    readonly ApproximateReceiveCount: string;
    readonly SentTimestamp: string;
    readonly SenderId: string;
    readonly ApproximateFirstReceiveTimestamp: string;
  };
  readonly messageAttributes: {
    readonly [name: string]: { readonly stringValue: string; readonly dataType: "String" };
  };
  readonly md5OfBody: string;
  readonly eventSource: "aws:sqs";
  readonly eventSourceARN: string;
  readonly awsRegion: string;
}

/** Options of `sqsEvent`. */
export interface SqsEventOptions {
  /** Default `orders-dead-letters`. */
  readonly queueName?: string;
  /** How often SQS has delivered each message, including this delivery. Default 1. */
  readonly receiveCount?: number;
  /** String attributes of every message. */
  readonly attributes?: { readonly [name: string]: string };
}

const sentAt = "1767323045000";

const sqsRecord = (body: string, index: number, options: SqsEventOptions): SqsEventRecord => ({
  messageId: `00000000-0000-4000-8000-${String(index + 1).padStart(12, "0")}`,
  receiptHandle: `receipt-${index + 1}`,
  body,
  attributes: {
    ApproximateReceiveCount: String(options.receiveCount ?? 1),
    SentTimestamp: sentAt,
    SenderId: "AIDAIENQZJOLO23YVJ4VO",
    ApproximateFirstReceiveTimestamp: sentAt,
  },
  messageAttributes: Object.fromEntries(
    Object.entries(options.attributes ?? {}).map(([name, stringValue]) => [name, { stringValue, dataType: "String" }]),
  ),
  md5OfBody: createHash("md5").update(body).digest("hex"),
  eventSource: "aws:sqs",
  eventSourceARN: `arn:aws:sqs:us-east-1:123456789012:${options.queueName ?? "orders-dead-letters"}`,
  awsRegion: "us-east-1",
});

/**
 * Creates the event with which a queue invokes a function. Bodies that are not strings become JSON texts. Message ids
 * are consecutive, from `00000000-0000-4000-8000-000000000001`.
 */
export const sqsEvent = (
  bodies: readonly unknown[],
  options: SqsEventOptions = {},
): { readonly Records: readonly SqsEventRecord[] } => {
  checkOptionNames("sqsEvent", options, { queueName: true, receiveCount: true, attributes: true });
  const texts = bodies.map((body) => (typeof body === "string" ? body : JSON.stringify(body)));
  return { Records: texts.map((text, index) => sqsRecord(text, index, options)) };
};
