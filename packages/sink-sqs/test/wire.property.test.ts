// The body of SendMessageBatch equals the SDK's. An answer is read as the SDK reads it, or left to the SDK.

import { SQS } from "@aws-sdk/client-sqs";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { bodyOf, takenIds } from "../src/write/wire.ts";

const queueUrl = "https://sqs.eu-central-1.amazonaws.com/1/q.fifo";

/** A client whose requests are answered by `answer`. Keeps the body of the last request. */
const clientOf = (answer: () => string) => {
  const sent = { body: "" };
  const handle = async ({ body }: { body: Uint8Array }) => {
    sent.body = new TextDecoder().decode(body);
    return { response: { statusCode: 200, headers: {}, body: Buffer.from(answer()) } };
  };
  const credentials = { accessKeyId: "a", secretAccessKey: "b" };
  const requestHandler = { handle } as never;
  return { sent, client: new SQS({ region: "eu-central-1", credentials, md5: false, maxAttempts: 1, requestHandler }) };
};

/** Any UTF-16, also control characters and halves of surrogate pairs. */
const anyText = fc.string({ unit: fc.integer({ max: 0xffff, min: 0 }).map((unit) => String.fromCharCode(unit)) });
const text = fc.oneof(fc.string({ unit: "binary" }), fc.string(), anyText);
const attribute = fc.oneof(
  fc.record({ DataType: fc.constantFrom("String", "Number", "String.Array", "Number.x"), StringValue: text }),
  fc.record({ DataType: fc.constant("Binary"), BinaryValue: fc.uint8Array() }),
);
const entry = fc.record(
  {
    Id: fc.nat().map(String),
    MessageBody: text,
    MessageAttributes: fc.dictionary(fc.stringMatching(/^[a-zA-Z0-9_.-]{1,20}$/), attribute, { maxKeys: 10 }),
    MessageGroupId: text,
    MessageDeduplicationId: text,
    DelaySeconds: fc.nat(900),
    MessageSystemAttributes: text.map((StringValue) => ({
      AWSTraceHeader: { DataType: "String" as const, StringValue },
    })),
  },
  { requiredKeys: ["Id", "MessageBody", "MessageAttributes"], noNullPrototype: true },
);

test("the body equals the SDK's", async () => {
  const { client, sent } = clientOf(() => "{}");
  const property = fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 10 }), async (entries) => {
    await client.sendMessageBatch({ QueueUrl: queueUrl, Entries: entries });
    expect(JSON.parse(bodyOf(queueUrl, entries))).toEqual(JSON.parse(sent.body));
  });
  await fc.assert(property);
});

const taken = fc.record(
  { Id: fc.nat(9).map(String), MessageId: text, MD5OfMessageBody: text, SequenceNumber: text },
  { requiredKeys: ["Id"], noNullPrototype: true },
);
const failed = fc.record(
  { Id: fc.nat(9).map(String), Code: text, Message: text, SenderFault: fc.boolean() },
  { requiredKeys: ["Id", "Code"], noNullPrototype: true },
);
const answer = fc.record(
  { Successful: fc.array(taken), Failed: fc.array(failed, { maxLength: 3 }), Other: fc.jsonValue() },
  { requiredKeys: [], noNullPrototype: true },
);

test("an answer has the ids that the SDK reads in it, or is left to the SDK because of failed entries", async () => {
  let given = "";
  const { client } = clientOf(() => given);
  const property = fc.asyncProperty(answer, async (value) => {
    given = JSON.stringify(value);
    const { Successful, Failed = [] } = await client.sendMessageBatch({ QueueUrl: queueUrl, Entries: [] });
    const expected = Failed.length > 0 ? undefined : Successful?.map(({ Id }) => Id);
    expect(takenIds(given)).toEqual(expected);
  });
  await fc.assert(property);
});

test.each([
  "{}",
  "[]",
  "null",
  '{"Successful":{}}',
  '{"Successful":[],"Failed":{}}',
  '{"Successful":[{"Id":"0"}],"Failed":[{}]}',
])("leaves the answer %s to the SDK", (given) => {
  expect(takenIds(given)).toBeUndefined();
});

test("takes no id from an entry without a text as its id", () => {
  expect(takenIds('{"Successful":[{},{"Id":0},null,"0"]}')).toEqual(["", "", "", ""]);
});
