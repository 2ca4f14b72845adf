// The body of PublishBatch has the same fields as the SDK's. An answer is read as the SDK reads it, or left to the SDK.

import { SNS } from "@aws-sdk/client-sns";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { bodyOf, takenIds } from "../src/write/wire.ts";

const topicArn = "arn:aws:sns:eu-central-1:123456789012:t.fifo";

/** A client whose requests are answered by `answer`. Keeps the body of the last request. */
const clientOf = (answer: () => string) => {
  const sent = { body: "" };
  const handle = async ({ body }: { body: string }) => {
    sent.body = body;
    return { response: { statusCode: 200, headers: {}, body: Buffer.from(answer()) } };
  };
  const credentials = { accessKeyId: "a", secretAccessKey: "b" };
  const requestHandler = { handle } as never;
  return { sent, client: new SNS({ region: "eu-central-1", credentials, maxAttempts: 1, requestHandler }) };
};

const text = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.string({ unit: "grapheme" }));
const attribute = fc.oneof(
  fc.record({ DataType: fc.constantFrom("String", "Number", "String.Array", "Number.x"), StringValue: text }),
  fc.record({ DataType: fc.constant("Binary"), BinaryValue: fc.uint8Array() }),
);
const entry = fc.record(
  {
    Id: fc.nat().map(String),
    Message: text,
    MessageAttributes: fc.dictionary(fc.stringMatching(/^[a-zA-Z0-9_.-]{1,20}$/), attribute, { maxKeys: 10 }),
    MessageStructure: fc.constant("json" as const),
    Subject: text,
    MessageGroupId: text,
    MessageDeduplicationId: text,
  },
  { requiredKeys: ["Id", "Message", "MessageAttributes"], noNullPrototype: true },
);

test("the form equals the SDK's", async () => {
  const { client, sent } = clientOf(() => "<a/>");
  const fields = (form: string) => [...new URLSearchParams(form)].sort(([a], [b]) => (a < b ? -1 : 1));
  const property = fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 10 }), async (entries) => {
    await client.publishBatch({ TopicArn: topicArn, PublishBatchRequestEntries: entries });
    expect(fields(bodyOf(topicArn, entries))).toEqual(fields(sent.body));
  });
  await fc.assert(property);
});

test("half of a surrogate pair fails as in the SDK, and nothing is sent", async () => {
  const { client, sent } = clientOf(() => "<a/>");
  const entries = [{ Id: "0", Message: "a\ud800", MessageAttributes: {} }];
  const input = { TopicArn: topicArn, PublishBatchRequestEntries: entries };
  await expect(client.publishBatch(input)).rejects.toThrow(URIError);
  expect(() => bodyOf(topicArn, entries)).toThrow(URIError);
  expect(sent.body).toBe("");
});

const marks: Readonly<Record<string, string>> = { "<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;" };
const escaped = (value: string): string => value.replace(/[<>&"]/g, (mark) => marks[mark] ?? mark);
const element = (name: string, content: string): string => `<${name}>${content}</${name}>`;

/** Texts as an attacker would choose them. XML cannot hold control characters. */
const content = fc.oneof(
  fc.string(),
  fc.constantFrom("</Id><Id>1</Id>", "</member><member><Id>2</Id>", "<Failed/>", "</Successful>", "&#233;", "]]>", "0"),
);
const member = (fields: Readonly<Record<string, fc.Arbitrary<string>>>) =>
  fc
    .record({ Id: fc.nat(9).map(String), ...fields }, { noNullPrototype: true })
    .chain((values) => fc.shuffledSubarray(Object.entries(values), { minLength: Object.keys(values).length }))
    .map((pairs) => element("member", pairs.map(([name, value]) => element(name, escaped(value as string))).join("")));
const uuid = fc.stringMatching(/^[0-9a-f-]{1,36}$/);
const plainMember = member({ MessageId: uuid, SequenceNumber: fc.nat().map(String) });
const failedMember = member({ Code: content, Message: content, SenderFault: fc.boolean().map(String) });
const space = fc.constantFrom("", "\n  ");

/** An answer in the form of SNS. `order` says which list is first. */
const answerOf = (members: fc.Arbitrary<string>, failures: fc.Arbitrary<string[]>) =>
  fc
    .record({
      taken: fc.array(members, { minLength: 1, maxLength: 10 }),
      failed: failures,
      isFirst: fc.boolean(),
      space,
    })
    .map(({ taken, failed, isFirst, space: gap }) => {
      const lists = [element("Successful", gap + taken.join(gap)), element("Failed", failed.join(gap))];
      const result = element("PublishBatchResult", gap + (isFirst ? lists : lists.reverse()).join(gap) + gap);
      const metadata = element("ResponseMetadata", element("RequestId", "1"));
      return element("PublishBatchResponse", gap + result + gap + metadata + gap);
    });

test("an answer of SNS without failed entries has the ids that the SDK reads in it", async () => {
  let given = "";
  const { client } = clientOf(() => given);
  const property = fc.asyncProperty(answerOf(plainMember, fc.constant([])), async (xml) => {
    given = xml;
    const input = { TopicArn: topicArn, PublishBatchRequestEntries: [] };
    const { Successful, Failed = [] } = await client.publishBatch(input);
    expect(Failed).toEqual([]);
    expect(takenIds(xml)).toEqual(Successful?.map(({ Id }) => Id));
  });
  await fc.assert(property);
});

test("any other answer is left to the SDK", () => {
  const failures = fc.array(failedMember, { minLength: 1, maxLength: 3 });
  fc.assert(fc.property(answerOf(plainMember, failures), (xml) => expect(takenIds(xml)).toBeUndefined()));
  const cut = fc.tuple(answerOf(plainMember, fc.constant([])), fc.nat());
  fc.assert(fc.property(cut, ([xml, at]) => expect(takenIds(xml.slice(0, at % xml.length))).toBeUndefined()));
});

const list = (result: string) => element("PublishBatchResponse", element("PublishBatchResult", result));
const one = "<Successful><member><Id>0</Id></member></Successful>";

test.each([
  "",
  "<html/>",
  list(""),
  list("<Successful/>"),
  list(`<!--${one}--><Successful></Successful>`),
  list(one.replace("0", "<![CDATA[0]]>")),
  list(one.replace("0", "&#48;")),
  list(`${one}<Failed><member><Id>1</Id></member></Failed><Successful></Successful>`),
])("leaves %j to the SDK", (answer) => {
  expect(takenIds(answer)).toBeUndefined();
});
