import { describe, expect, test } from "@jest/globals";
import { SinkError } from "@sluice/core/sink-kit";
import { encode, type Mail, type MailSettings } from "../src/encode.ts";
import type { EmailMessage } from "../src/index.ts";
import { deliveryOf } from "./support/deliveries.ts";

const settings: MailSettings = { name: "email", from: { address: "shop@example.com", name: "Shop" } };

const encoded = (members: Partial<EmailMessage> = {}, key?: string): Mail => encode(deliveryOf(members, key), settings);

const refusalOf = (members: object): string => {
  try {
    encoded(members as Partial<EmailMessage>);
  } catch (error) {
    if (error instanceof SinkError && error.code === "SINK_REJECTED") return error.message;
    throw error;
  }
  return "accepted";
};

describe("recipients", () => {
  test("are those of to, cc and bcc, each once, with domains in ASCII and lower case", () => {
    const { recipients, to, cc } = encoded({
      to: ["ada@Example.com", { name: "Grace", address: "grace@bücher.example" }],
      cc: "ada@example.com",
      bcc: ["alan@example.com"],
    });
    expect(recipients).toEqual(["ada@example.com", "grace@xn--bcher-kva.example", "alan@example.com"]);
    expect(to).toEqual([{ address: "ada@example.com" }, { address: "grace@xn--bcher-kva.example", name: "Grace" }]);
    expect(cc).toEqual([{ address: "ada@example.com" }]);
  });

  test("are 1 to 50", () => {
    const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `a${index}@example.com`);
    expect(encoded({ to: many(50) }).recipients).toHaveLength(50);
    expect(refusalOf({ to: many(51) })).toContain("51 recipients");
    expect(refusalOf({ to: [] })).toContain("0 recipients");
  });

  test.each([
    "ada",
    "ada@",
    "@example.com",
    "Ada <ada@example.com>",
    "ada@example.com, eve@example.com",
    "ada@example.com\r\nBcc: eve@example.com",
    "ada@exam ple.com",
    "ada@-example.com",
    "ada@example.com/evil",
    "ada@example.com?subject=x",
    "ada@eve.example\\@example.com",
    "ädä@example.com",
    'a"b@example.com',
    "a<b@example.com",
    `${"a".repeat(65)}@example.com`,
    `a@${"b".repeat(64)}.com`,
    "",
    5,
    null,
    { address: "ada@example.com", name: "Ada\r\nBcc: eve@example.com" },
    { address: "ada@example.com", name: 5 },
    { name: "Ada" },
  ])("%j is no address, and is not quoted", (to) => {
    const refusal = refusalOf({ to: ["grace@example.com", to] });
    expect(refusal).toContain("to: address 2 is none");
    expect(refusal).not.toContain("eve");
  });
});

describe("a header cannot be injected", () => {
  const evil = ["a\r\nBcc: eve@example.com", "a\nb", "a\rb", "a\0b", "a\u2028b", "a\u007fb", "a\u000bb"];

  test.each(evil)("by the subject %j", (subject) => {
    expect(refusalOf({ subject })).toContain("subject");
  });

  test.each(evil)("by the value %j of a header", (value) => {
    expect(refusalOf({ headers: { "X-Note": value } })).toContain("X-Note");
  });

  test.each([...evil, "X Note", "X-Note:", "", "X-Nöte"])("by the name %j of a header", (name) => {
    expect(refusalOf({ headers: { [name]: "1" } })).toContain("headers");
  });

  test.each(evil)("by the name %j of a file", (filename) => {
    expect(refusalOf({ attachments: [{ filename, content: "" }] })).toContain("filename");
  });

  test("by a file's type or id, the addresses of replies, or a link", () => {
    const file = { filename: "a", content: "" };
    expect(refusalOf({ attachments: [{ ...file, contentType: "text/plain\r\nX: 1" }] })).toContain("contentType");
    expect(refusalOf({ attachments: [{ ...file, contentId: "a>\r\nX: 1" }] })).toContain("contentId");
    expect(refusalOf({ replyTo: "a@example.com\r\nX: 1" })).toContain("replyTo");
    expect(refusalOf({ from: "a@example.com\r\nX: 1" })).toContain("from");
    expect(refusalOf({ unsubscribe: { url: "https://example.com/>\r\nX: 1" } })).toContain("unsubscribe.url");
    expect(refusalOf({ unsubscribe: { mailto: "a@example.com?subject=x" } })).toContain("unsubscribe.mailto");
  });

  test.each([
    "From",
    "bcc",
    "Message-ID",
    "Content-Type",
    "MIME-Version",
    "DKIM-Signature",
    "List-Unsubscribe",
    "Sluice-Version",
  ])("%s is set by the sink alone", (name) => {
    expect(refusalOf({ headers: { [name]: "1" } })).toBe(`[email] headers: ${name} is set by the sink`);
  });
});

describe("a mail", () => {
  test("has a Message-ID from its idempotency key: equal on repeats, different for different changes", () => {
    const ids = ["e-1:email", "e-1:email", "e-2:email"].map((key) => encoded({}, key).messageId);
    expect(ids[0]).toMatch(/^<[\w-]{43}@example\.com>$/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  test("carries the idempotency key and the version in headers", () => {
    const delivery = deliveryOf({ headers: { "X-Order": "7" } });
    expect(encode(delivery, settings).headers).toEqual([
      ["X-Order", "7"],
      ["Idempotency-Key", "e-1:email"],
      ["Sluice-Version", delivery.change.version],
    ]);
    expect(encode(deliveryOf({}, "e-1:größe"), settings).headers[0]?.[1]).toMatch(/^sha256:[\w-]{43}$/);
  });

  test("lets its recipients take leave by one click", () => {
    const unsubscribe = { url: "https://example.com/leave?u=7", mailto: "leave@example.com" };
    expect(encoded({ unsubscribe }).headers.slice(0, 2)).toEqual([
      ["List-Unsubscribe", "<https://example.com/leave?u=7>, <mailto:leave@example.com>"],
      ["List-Unsubscribe-Post", "List-Unsubscribe=One-Click"],
    ]);
    expect(encoded({ unsubscribe: { mailto: "leave@example.com" } }).headers[0]).toEqual([
      "List-Unsubscribe",
      "<mailto:leave@example.com>",
    ]);
    expect(refusalOf({ unsubscribe: {} })).toContain("neither url nor mailto");
    expect(refusalOf({ unsubscribe: { url: "http://example.com" } })).toContain("unsubscribe.url");
  });

  test("is from the message's sender, else the sink's, else from nobody", () => {
    expect(encoded({ from: "ada@example.org" }).from).toEqual({ address: "ada@example.org" });
    const { from: _, ...rest } = deliveryOf().message;
    expect(encode({ ...deliveryOf(), message: rest }, settings).from).toEqual(settings.from);
    expect(() => encode({ ...deliveryOf(), message: rest }, { ...settings, from: undefined })).toThrow('option "from"');
  });

  test.each<[object, string]>([
    [{ text: undefined }, "neither text nor html"],
    [{ text: 5 }, "text is number"],
    [{ subject: undefined }, "subject is undefined"],
    [{ tags: { "a b": "1" } }, "tags"],
    [{ tags: { a: "é" } }, "tags"],
    [{ attachments: [{ filename: "a", content: 5 }] }, "neither text nor bytes"],
  ])("%j is refused", (members, what) => {
    expect(refusalOf(members)).toContain(what);
  });
});
