// The body of SendMessageBatch, compared with the SDK's, and the forms of answers.

import { SQS } from "@aws-sdk/client-sqs";
import { expect, test } from "@jest/globals";
import { answerOf, bodyOf } from "../src/write/wire.ts";

test("the body equals the SDK's, also for bytes and unicode", async () => {
  let sent = "";
  const requestHandler = {
    handle: ({ body }: { body: string }) => {
      sent = body;
      return Promise.reject(new Error("captured"));
    },
  };
  const credentials = { accessKeyId: "a", secretAccessKey: "b" };
  const config = { region: "eu-central-1", credentials, maxAttempts: 1, requestHandler: requestHandler as never };
  const QueueUrl = "https://sqs.eu-central-1.amazonaws.com/1/q.fifo";
  const MessageAttributes = {
    bytes: { DataType: "Binary", BinaryValue: Uint8Array.of(0, 255, 7) },
    text: { DataType: "String", StringValue: "ü 😀" },
  };
  const own = { MessageBody: 'a "é" \u2028', MessageGroupId: "g", MessageDeduplicationId: "d", DelaySeconds: 3 };
  const entries = [{ Id: "0", ...own, MessageAttributes }];
  await new SQS(config).sendMessageBatch({ QueueUrl, Entries: entries }).catch(() => undefined);
  expect(JSON.parse(bodyOf(QueueUrl, entries))).toEqual(JSON.parse(sent));
});

test.each(["{}", "[]", '{"Successful":{}}', '{"Successful":[{}]}'])("does not take %s as an answer", (text) => {
  expect(answerOf(text)).toBeUndefined();
});
