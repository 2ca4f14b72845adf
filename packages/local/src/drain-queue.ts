// What a test wants of a queue: all that is in it.

/** A message as it was received. */
export interface DrainedMessage {
  readonly body: string;
  /** Values of the message attributes that are texts or numbers, by name. */
  readonly attributes: { readonly [name: string]: string };
  /** Attributes that SQS set: `MessageGroupId`, `SequenceNumber` and others. */
  readonly systemAttributes: { readonly [name: string]: string };
}

/** The calls of `SQS` from `@aws-sdk/client-sqs` that are used. */
export interface QueueReader {
  readonly receiveMessage: (input: {
    QueueUrl: string;
    MaxNumberOfMessages: number;
    MessageAttributeNames: string[];
    MessageSystemAttributeNames: ["All"];
  }) => Promise<{
    readonly Messages?:
      | readonly {
          readonly Body?: string | undefined;
          readonly ReceiptHandle?: string | undefined;
          readonly Attributes?: Readonly<Record<string, string>> | undefined;
          readonly MessageAttributes?:
            | Readonly<Record<string, { readonly StringValue?: string | undefined }>>
            | undefined;
        }[]
      | undefined;
  }>;
  readonly deleteMessageBatch: (input: {
    QueueUrl: string;
    Entries: { Id: string; ReceiptHandle: string }[];
  }) => Promise<unknown>;
}

const texts = (attributes: Readonly<Record<string, { readonly StringValue?: string | undefined }>>) =>
  Object.fromEntries(
    Object.entries(attributes).flatMap(([name, { StringValue }]) =>
      StringValue === undefined ? [] : [[name, StringValue]],
    ),
  );

/**
 * Receives and deletes messages until a receive is empty. The order is that of the receives: of a FIFO queue, and of a
 * local standard queue, the order of the sends.
 */
export const drainQueue = async (client: QueueReader, QueueUrl: string): Promise<DrainedMessage[]> => {
  const drained: DrainedMessage[] = [];
  for (;;) {
    const { Messages = [] } = await client.receiveMessage({
      QueueUrl,
      MaxNumberOfMessages: 10,
      MessageAttributeNames: ["All"],
      MessageSystemAttributeNames: ["All"],
    });
    if (Messages.length === 0) return drained;
    for (const { Body = "", Attributes = {}, MessageAttributes = {} } of Messages) {
      drained.push({ body: Body, attributes: texts(MessageAttributes), systemAttributes: Attributes });
    }
    const Entries = Messages.map(({ ReceiptHandle = "" }, index) => ({ Id: String(index), ReceiptHandle }));
    await client.deleteMessageBatch({ QueueUrl, Entries });
  }
};
