// Dead letters and queues for tests.

import type { SQS } from "@aws-sdk/client-sqs";
import { type Envelope, encodeEnvelope, type StreamRecord } from "@sluice/core/envelope";
import { streamRecord } from "@sluice/testing";

/** The record of an item's change. A change with a larger `position` is later. */
export const recordOf = (name: string, position = 1, attributes: object = {}): StreamRecord =>
  streamRecord({ after: { pk: name, sk: 1, note: `secret of ${name}`, revision: position, ...attributes }, position });

/** A dead letter of an item's change. */
export const deadLetterOf = (name: string, position = 1, changes: Partial<Envelope> = {}): Envelope => {
  const sink = changes.sink ?? "orders";
  const record = changes.record ?? recordOf(name, position);
  return {
    v: 1,
    id: `${record.eventID}:${sink}`,
    pipeline: "shop",
    sink,
    code: "SINK_REJECTED",
    message: `[${sink}] refused`,
    attempts: 1,
    firstFailedAt: "2026-01-02T03:04:05.000Z",
    ...changes,
    record,
  };
};

let made = 0;

/** A queue for one test. */
export interface TestQueue {
  readonly url: string;
  /** Sends messages with these bodies, in this order. If a body is an envelope, encodes it first. */
  readonly fill: (bodies: readonly (Envelope | string)[]) => Promise<void>;
  /** Returns the numbers of visible and hidden messages. */
  readonly counts: () => Promise<{ readonly visible: number; readonly hidden: number }>;
  /** Returns the bodies of the visible messages, and leaves them visible. */
  readonly bodies: () => Promise<string[]>;
}

export const newQueue = async (
  client: SQS,
  attributes: Readonly<Record<string, string>> = {},
  fifo = false,
): Promise<TestQueue> => {
  made += 1;
  const QueueName = `dead-letters-${process.pid}-${made}${fifo ? ".fifo" : ""}`;
  const Attributes = { ...attributes, ...(fifo && { FifoQueue: "true" }) };
  const { QueueUrl: url = "" } = await client.createQueue({ QueueName, Attributes });
  return {
    url,
    fill: async (bodies) => {
      for (const [index, body] of bodies.entries()) {
        const MessageBody = typeof body === "string" ? body : encodeEnvelope(body);
        const group = typeof body === "string" ? "none" : body.sink + JSON.stringify(body.record.dynamodb?.Keys);
        const order = fifo && {
          MessageGroupId: Buffer.from(group).toString("hex").slice(0, 128),
          MessageDeduplicationId: String(index),
        };
        await client.sendMessage({ QueueUrl: url, MessageBody, ...order });
      }
    },
    counts: async () => {
      const { Attributes: found } = await client.getQueueAttributes({ QueueUrl: url, AttributeNames: ["All"] });
      return {
        visible: Number(found?.ApproximateNumberOfMessages),
        hidden: Number(found?.ApproximateNumberOfMessagesNotVisible),
      };
    },
    bodies: async () => {
      const messages = [];
      for (;;) {
        const { Messages = [] } = await client.receiveMessage({
          QueueUrl: url,
          MaxNumberOfMessages: 10,
          VisibilityTimeout: 60,
        });
        if (Messages.length === 0) break;
        messages.push(...Messages);
      }
      for (const { ReceiptHandle } of messages) {
        await client.changeMessageVisibility({ QueueUrl: url, ReceiptHandle, VisibilityTimeout: 0 });
      }
      return messages.map(({ Body = "" }) => Body);
    },
  };
};
