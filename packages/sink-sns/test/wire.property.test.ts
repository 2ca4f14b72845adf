// The body of PublishBatch has the same fields as the SDK's. The answers are read as the SDK reads them.

import { SNS } from "@aws-sdk/client-sns";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { answerOf, bodyOf } from "../src/write/wire.ts";

const topicArn = "arn:aws:sns:eu-central-1:123456789012:t.fifo";
const xml = (result: string) =>
  `<PublishBatchResponse><PublishBatchResult>${result}</PublishBatchResult></PublishBatchResponse>`;

const text = fc.string({ unit: "grapheme", minLength: 1 });
const attribute = fc.oneof(
  text.map((StringValue) => ({ DataType: "String", StringValue })),
  fc.uint8Array({ minLength: 1 }).map((BinaryValue) => ({ DataType: "Binary", BinaryValue })),
);
const entry = fc.record(
  {
    Id: fc.nat().map(String),
    Message: text,
    MessageAttributes: fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), attribute),
    Subject: text,
    MessageGroupId: text,
    MessageDeduplicationId: text,
  },
  { requiredKeys: ["Id", "Message", "MessageAttributes"] },
);

test("the form equals the SDK's", async () => {
  let sent = "";
  const requestHandler = {
    handle: async ({ body }: { body: string }) => {
      sent = body;
      throw new Error("captured");
    },
  };
  const credentials = { accessKeyId: "a", secretAccessKey: "b" };
  const client = new SNS({
    region: "eu-central-1",
    credentials,
    maxAttempts: 1,
    requestHandler: requestHandler as never,
  });
  const property = fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 10 }), async (entries) => {
    await client.publishBatch({ TopicArn: topicArn, PublishBatchRequestEntries: entries }).catch(() => undefined);
    const fields = (form: string) => [...new URLSearchParams(form)].sort(([a], [b]) => (a < b ? -1 : 1));
    expect(fields(bodyOf(topicArn, entries))).toEqual(fields(sent));
  });
  await fc.assert(property);
});

test("reads failed entries beside successful ones", () => {
  const failed = "<Code>A</Code><Message>a &lt;b&gt; &#233;</Message><SenderFault>true</SenderFault><Id>1</Id>";
  const answer = xml(`<Failed><member>${failed}</member></Failed><Successful><member><Id>0</Id></member></Successful>`);
  expect(answerOf(answer)).toEqual({
    Successful: [{ Id: "0" }],
    Failed: [{ Id: "1", Code: "A", Message: "a <b> é", SenderFault: true }],
  });
});

test.each(["", "<html/>", xml(""), xml("<Successful><member/></Successful>")])(
  "does not take %j as an answer",
  (answer) => {
    expect(answerOf(answer)).toBeUndefined();
  },
);
