import { describe, expect, test } from "@jest/globals";
import { encodeEach, SinkError } from "@sluice/core/sink-kit";
import { unexpectedValues } from "@sluice/testing";
import { encode, type Mail, type MailDefaults } from "../src/encode.ts";
import type { EmailMessage } from "../src/index.ts";
import { deliveryOf } from "./support/deliveries.ts";

const defaults: MailDefaults = { name: "email", from: { address: "shop@example.com", name: "Shop" } };

const encoded = (members: Partial<EmailMessage> = {}, key?: string): Mail => encode(deliveryOf(members, key), defaults);

const rejectionOf = (members: object): string => {
  try {
    encoded(members as Partial<EmailMessage>);
  } catch (error) {
    if (error instanceof SinkError && error.code === "SINK_REJECTED") return error.message;
    throw error;
  }
  return "accepted";
};

describe("recipients", () => {
  test("are the addresses of to, cc and bcc, each once, with domains in ASCII and lower case", () => {
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
    expect(rejectionOf({ to: many(51) })).toContain("51 recipients");
    expect(rejectionOf({ to: [] })).toContain("0 recipients");
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
  ])("%j is not an address, and the error does not quote it", (to) => {
    const rejection = rejectionOf({ to: ["grace@example.com", to] });
    expect(rejection).toContain("to: entry 2 is not an address");
    expect(rejection).not.toContain("eve");
  });
});

describe("a header cannot be injected", () => {
  const evil = ["a\r\nBcc: eve@example.com", "a\nb", "a\rb", "a\0b", "a\u2028b", "a\u007fb", "a\u000bb"];

  test.each(evil)("by the subject %j", (subject) => {
    expect(rejectionOf({ subject })).toContain("subject");
  });

  test.each(evil)("by the value %j of a header", (value) => {
    expect(rejectionOf({ headers: { "X-Note": value } })).toContain("X-Note");
  });

  test.each([...evil, "X Note", "X-Note:", "", "X-Nöte"])("by the name %j of a header", (name) => {
    expect(rejectionOf({ headers: { [name]: "1" } })).toContain("headers");
  });

  test.each(evil)("by the name %j of a file", (filename) => {
    expect(rejectionOf({ attachments: [{ filename, content: "" }] })).toContain("filename");
  });

  test("by the type or the id of a file, other addresses, or a link", () => {
    const file = { filename: "a", content: "" };
    expect(rejectionOf({ attachments: [{ ...file, contentType: "text/plain\r\nX: 1" }] })).toContain("contentType");
    expect(rejectionOf({ attachments: [{ ...file, contentId: "a>\r\nX: 1" }] })).toContain("contentId");
    expect(rejectionOf({ replyTo: "a@example.com\r\nX: 1" })).toContain("replyTo");
    expect(rejectionOf({ from: "a@example.com\r\nX: 1" })).toContain("from");
    expect(rejectionOf({ unsubscribe: { url: "https://example.com/>\r\nX: 1" } })).toContain("unsubscribe.url");
    expect(rejectionOf({ unsubscribe: { mailto: "a@example.com?subject=x" } })).toContain("unsubscribe.mailto");
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
  ])("%s can only be set by the sink", (name) => {
    expect(rejectionOf({ headers: { [name]: "1" } })).toBe(`[email] headers: ${name} is set by the sink`);
  });
});

describe("a mail", () => {
  test("has a Message-ID from its idempotency key, the same on repeats and different for other changes", () => {
    const ids = ["e-1:email", "e-1:email", "e-2:email"].map((key) => encoded({}, key).messageId);
    expect(ids[0]).toMatch(/^<[\w-]{43}@example\.com>$/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  test("has headers with the idempotency key and the version", () => {
    const delivery = deliveryOf({ headers: { "X-Order": "7" } });
    expect(encode(delivery, defaults).headers).toEqual([
      ["X-Order", "7"],
      ["Idempotency-Key", "e-1:email"],
      ["Sluice-Version", delivery.change.version],
    ]);
    expect(encode(deliveryOf({}, "e-1:größe"), defaults).headers[0]?.[1]).toMatch(/^sha256:[\w-]{43}$/);
  });

  test("has headers for one-click unsubscription", () => {
    const unsubscribe = { url: "https://example.com/leave?u=7", mailto: "leave@example.com" };
    expect(encoded({ unsubscribe }).headers.slice(0, 2)).toEqual([
      ["List-Unsubscribe", "<https://example.com/leave?u=7>, <mailto:leave@example.com>"],
      ["List-Unsubscribe-Post", "List-Unsubscribe=One-Click"],
    ]);
    expect(encoded({ unsubscribe: { mailto: "leave@example.com" } }).headers[0]).toEqual([
      "List-Unsubscribe",
      "<mailto:leave@example.com>",
    ]);
    expect(rejectionOf({ unsubscribe: {} })).toContain("neither url nor mailto");
    expect(rejectionOf({ unsubscribe: { url: "http://example.com" } })).toContain("unsubscribe.url");
  });

  test("has the message's sender, or else the option's sender, and is rejected without a sender", () => {
    expect(encoded({ from: "ada@example.org" }).from).toEqual({ address: "ada@example.org" });
    const { from: _, ...rest } = deliveryOf().message;
    expect(encode({ ...deliveryOf(), message: rest }, defaults).from).toEqual(defaults.from);
    expect(() => encode({ ...deliveryOf(), message: rest }, { ...defaults, from: undefined })).toThrow('option "from"');
  });

  test.each<[object, string]>([
    [{ text: undefined }, "neither text nor html"],
    [{ text: 5 }, "text is a number"],
    [{ subject: undefined }, "subject is undefined"],
    [{ tags: { "a b": "1" } }, "tags"],
    [{ tags: { a: "é" } }, "tags"],
    [{ attachments: [{ filename: "a", content: 5 }] }, "content is a number; expected a string or bytes"],
  ])("with %j is rejected", (members, what) => {
    expect(rejectionOf(members)).toContain(what);
  });
});

describe("optional members", () => {
  const file = { filename: "a.txt", content: "a" };

  test("that are null are absent", () => {
    const absent = { from: null, cc: null, bcc: null, replyTo: null, html: null, attachments: null };
    const message = { ...absent, headers: null, unsubscribe: null, tags: null };
    expect(encoded(message)).toEqual(encoded({ from: undefined }));
    const inner = {
      to: { address: "ada@example.com", name: null },
      attachments: [{ ...file, contentType: null, contentId: null }],
      headers: { "X-Order": null },
      unsubscribe: { url: null, mailto: "leave@example.com" },
      tags: { stage: null },
    };
    const expected = { to: "ada@example.com", attachments: [file], unsubscribe: { mailto: "leave@example.com" } };
    expect(encoded(inner)).toEqual(encoded(expected));
  });

  test.each<[object, string]>([
    [{ attachments: file }, "attachments is an object; expected an array"],
    [{ attachments: [null] }, "an entry of attachments is null; expected an object with named members"],
    [{ attachments: [{ ...file, contentType: ["text/plain"] }] }, "contentType is an array; expected a text"],
    [{ attachments: [{ ...file, contentId: 5 }] }, "contentId is a number; expected a text"],
    [{ headers: ["secret"] }, "headers is an array; expected an object with named members"],
    [{ headers: { "X-Order": 5 } }, "headers: X-Order is a number; expected a text"],
    [{ tags: { stage: ["secret"] } }, "tags: expected letters, digits"],
    [{ tags: "secret" }, "tags is a text; expected an object with named members"],
    [{ unsubscribe: "secret" }, "unsubscribe is a text; expected an object with named members"],
    [{ unsubscribe: { url: ["https://example.com/secret"] } }, "unsubscribe.url is an array; expected a text"],
    [{ subject: null }, "subject is null; expected a text"],
    [{ html: { secret: 1 } }, "html is an object; expected a text"],
  ])("of a wrong type are rejected: %j", (members, what) => {
    expect(rejectionOf(members)).toContain(what);
  });

  test("of any type, at any depth, reject nothing but their own delivery", () => {
    for (const { value } of unexpectedValues()) {
      for (const members of [
        { to: { address: "ada@example.com", name: value } },
        { to: ["ada@example.com", value] },
        { attachments: [{ ...file, filename: value }] },
        { attachments: [{ ...file, content: value }] },
        { attachments: [{ ...file, contentType: value }] },
        { attachments: [{ ...file, contentId: value }] },
        { headers: { "X-Order": value } },
        { tags: { stage: value } },
        { unsubscribe: { url: value } },
        { unsubscribe: { mailto: value } },
      ]) {
        const batch = [deliveryOf(members as Partial<EmailMessage>)];
        const { entries, results } = encodeEach(batch, (delivery) => encode(delivery, defaults));
        expect([...entries, ...results]).toHaveLength(1);
      }
    }
  });
});
