import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { simpleParser } from "mailparser";
import { emailSink, type SesClient, type SesTransportOptions, sesTransport } from "../src/index.ts";
import { errorOf, outcomeOf, write } from "./support/deliveries.ts";
import { memoryLeases } from "./support/leases.ts";
import { type LocalSes, openSes } from "./support/ses-rig.ts";

let local: LocalSes;

beforeEach(async () => {
  local = await openSes();
});

afterEach(() => local.close());

const open = (options: SesTransportOptions = {}) =>
  emailSink({ transport: sesTransport({ client: local.client, ...options }), dedupeStore: { leases: memoryLeases() } });

/** Returns the mail that a request with Raw content contains. */
const rawOf = (request: { readonly [member: string]: unknown }): Buffer => {
  const { Raw } = request.Content as { readonly Raw: { readonly Data: string } };
  return Buffer.from(Raw.Data, "base64");
};

describe("a mail by SES", () => {
  test("to one recipient is sent as Simple, with headers, tags and the configuration set", async () => {
    const sink = open({ configurationSetName: "orders", tags: { stage: "prod", kind: "any" } });
    const from = { name: "Größe", address: "shop@example.com" };
    const to = { name: "Ada, Countess", address: "ada@example.com" };
    const result = await write(sink, {
      from,
      to,
      replyTo: "desk@example.com",
      subject: "Ünï",
      html: "<p>é</p>",
      tags: { kind: "welcome" },
      unsubscribe: { url: "https://example.com/leave" },
    });
    expect(outcomeOf(result)).toBe("delivered");
    expect(local.received).toEqual([
      {
        FromEmailAddress: "=?UTF-8?B?R3LDtsOfZQ==?= <shop@example.com>",
        Destination: { ToAddresses: ['"Ada, Countess" <ada@example.com>'] },
        ReplyToAddresses: ["desk@example.com"],
        Content: {
          Simple: {
            Subject: { Data: "Ünï", Charset: "UTF-8" },
            Body: { Text: { Data: "Hi", Charset: "UTF-8" }, Html: { Data: "<p>é</p>", Charset: "UTF-8" } },
            Headers: [
              { Name: "List-Unsubscribe", Value: "<https://example.com/leave>" },
              { Name: "List-Unsubscribe-Post", Value: "List-Unsubscribe=One-Click" },
              { Name: "Idempotency-Key", Value: "e-1:email" },
              { Name: "Sluice-Version", Value: expect.any(String) },
            ],
          },
        },
        EmailTags: [
          { Name: "stage", Value: "prod" },
          { Name: "kind", Value: "welcome" },
        ],
        ConfigurationSetName: "orders",
      },
    ]);
  });

  test("to several recipients is sent as Raw copies, which name all recipients and go to one each", async () => {
    await write(open(), { to: ["ada@example.com", "bob@example.com"], bcc: "cyd@example.com" });
    expect(local.received.map(({ Destination }) => Destination)).toEqual(
      ["ada", "bob", "cyd"].map((name) => ({ ToAddresses: [`${name}@example.com`] })),
    );
    const copies = await Promise.all(local.received.map((request) => simpleParser(rawOf(request))));
    for (const { to, messageId } of copies) {
      expect((to as { readonly text: string }).text).toBe("ada@example.com, bob@example.com");
      expect(messageId).toBe(copies[0]?.messageId);
    }
  });

  test("is sent as Raw with an attachment, or if the option says so", async () => {
    await write(open(), { attachments: [{ filename: "a.txt", content: "x" }] });
    await write(open({ alwaysRaw: true }));
    const [first, second] = await Promise.all(local.received.map((request) => simpleParser(rawOf(request))));
    expect(first?.attachments.map(({ filename }) => filename)).toEqual(["a.txt"]);
    expect(second?.messageId).toMatch(/^<[\w-]{43}@example\.com>$/);
  });

  test("is stored with the same content either way", async () => {
    for (const alwaysRaw of [false, true]) await write(open({ alwaysRaw }), { subject: "Ünï", text: "é", bcc: [] });
    const stored = await local.stored();
    expect(stored.map(({ subject, body }) => [subject, body.text?.trimEnd()])).toEqual([
      ["Ünï", "é"],
      ["Ünï", "é"],
    ]);
  });
});

test("to several recipients is rejected if SES rejects one of them, and a repeat sends no second copy", async () => {
  local.setAnswer((body) =>
    body.includes("bob@example.com") && body.includes('"ToAddresses":["bob') ? [400, "MessageRejected", "no"] : "pass",
  );
  const sink = open();
  const to = ["ada@example.com", "bob@example.com", "cyd@example.com"];
  for (let count = 0; count < 2; count += 1) {
    expect(errorOf(await write(sink, { to }))).toMatchObject({
      code: "SINK_REJECTED",
      message: expect.stringContaining("1 of 3 recipients: SES answered MessageRejected"),
    });
  }
  expect(local.received.map(({ Destination }) => Destination)).toEqual([
    { ToAddresses: ["ada@example.com"] },
    { ToAddresses: ["cyd@example.com"] },
  ]);
});

test("the user's own client is used, and is not closed", async () => {
  const calls: string[] = [];
  const client: SesClient & { readonly destroy: () => void } = {
    sendEmail: async ({ Destination }) => {
      calls.push(Destination.ToAddresses[0] ?? "");
      return { MessageId: "1" };
    },
    destroy: () => calls.push("destroyed"),
  };
  const sink = emailSink({ transport: sesTransport({ client }) });
  expect(outcomeOf(await write(sink))).toBe("delivered");
  await sink.close?.();
  expect(calls).toEqual(["ada@example.com"]);
});
