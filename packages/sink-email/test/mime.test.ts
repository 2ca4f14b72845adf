import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { simpleParser } from "mailparser";
import { encode } from "../src/encode.ts";
import type { EmailMessage } from "../src/index.ts";
import { mimeOf } from "../src/mime/mime.ts";
import { deliveryOf } from "./support/deliveries.ts";

const at = Date.parse("2026-01-02T03:04:05Z");

const rawOf = (members: Partial<EmailMessage> = {}): string =>
  mimeOf(encode(deliveryOf(members), { name: "email", from: undefined }), at).toString();

const parsed = (members: Partial<EmailMessage> = {}) => simpleParser(rawOf(members));

/** The headers of a mail. Each is one line, because continuation lines are joined to the line before them. */
const headersOf = (raw: string): string[] =>
  (raw.split("\r\n\r\n")[0] ?? "").replaceAll(/\r\n[ \t]/g, " ").split("\r\n");

const addressesOf = (found: unknown): string => (found as { readonly text: string } | undefined)?.text ?? "";

test("a plain mail has the expected headers and body", () => {
  expect(headersOf(rawOf())).toEqual([
    "From: shop@example.com",
    "To: ada@example.com",
    "Subject: Hello",
    "Date: Fri, 02 Jan 2026 03:04:05 +0000",
    expect.stringMatching(/^Message-ID: <[\w-]{43}@example\.com>$/),
    "Idempotency-Key: e-1:email",
    expect.stringMatching(/^Sluice-Version: \S+$/),
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: quoted-printable",
  ]);
  expect(rawOf().endsWith("\r\n\r\nHi\r\n")).toBe(true);
});

test("the same mail has the same bytes", () => {
  const members = { html: "<p>Hi</p>", attachments: [{ filename: "a.txt", content: "x" }] };
  expect(rawOf(members)).toBe(rawOf(members));
});

test("names and subjects in other scripts arrive, even long ones", async () => {
  const subject = `Größe 👩‍👩‍👧 日本語 ${"lang ".repeat(60)}`.trim();
  const mail = await parsed({
    subject,
    from: { name: 'Ada "the Countess" Löve\\lace', address: "ada@example.com" },
    to: [
      { name: "日本語", address: "a@example.com" },
      { name: 'O\'Neil, "Q" \\ x', address: "b@example.com" },
    ],
  });
  expect(mail.subject).toBe(subject);
  expect(mail.from?.value[0]?.name).toBe('Ada "the Countess" Löve\\lace');
  expect(addressesOf(mail.to)).toContain("日本語");
  expect((mail.to as { readonly value: readonly { readonly name: string }[] }).value[1]?.name).toBe(
    'O\'Neil, "Q" \\ x',
  );
});

test("no header names a blind copy", () => {
  expect(rawOf({ bcc: "eve@example.com", cc: "grace@example.com" })).not.toContain("eve@");
});

test.each([`${"a".repeat(2_000)}.pdf`, "日本語".repeat(100), `${'"\\'.repeat(500)}.txt`])(
  "a long file name arrives complete (%.10s)",
  async (filename) => {
    const mail = await parsed({ attachments: [{ filename, content: "x" }] });
    expect(mail.attachments.map((file) => file.filename)).toEqual([filename]);
  },
);

describe("a text that is cut within a character is rejected", () => {
  const cut = "👩".slice(0, 1);

  test.each<[string, Partial<EmailMessage>]>([
    ["subject", { subject: cut }],
    ["text", { text: cut }],
    ["html", { html: cut }],
    ["to: entry 1", { to: { name: cut, address: "ada@example.com" } }],
    ["attachments: filename", { attachments: [{ filename: cut, content: "x" }] }],
    ["attachments: content", { attachments: [{ filename: "a", content: cut }] }],
    ["headers: X-Note", { headers: { "X-Note": cut } }],
  ])("%s", (member, members) => {
    expect(() => rawOf(members)).toThrow(`[email] ${member}`);
  });
});

describe("headers that must not become encoded words", () => {
  const long = `https://example.com/u?token==?utf-8?q?a?=${"x".repeat(847)}`;

  test("List-Unsubscribe arrives as it is, even with =? and 888 characters", async () => {
    expect(long).toHaveLength(888);
    const raw = rawOf({ unsubscribe: { url: long, mailto: "a?b%=x@example.com" } });
    expect(headersOf(raw)).toContain(`List-Unsubscribe: <${long}>, <mailto:a%3Fb%25%3Dx@example.com>`);
    expect(headersOf(raw)).toContain("List-Unsubscribe-Post: List-Unsubscribe=One-Click");
    const mail = await simpleParser(raw);
    expect(mail.headers.get("list")).toMatchObject({ unsubscribe: { url: long } });
    expect(raw.split("\r\n").filter((line) => line.length > 998)).toEqual([]);
  });

  test("a longer URL is rejected, and so are References and List-Id that need encoding", () => {
    expect(() => rawOf({ unsubscribe: { url: `${long}x` } })).toThrow(
      "unsubscribe.url is not an https: URL of at most",
    );
    expect(() => rawOf({ headers: { References: `<${"a".repeat(900)}@x>` } })).toThrow("headers: References cannot be");
    expect(() => rawOf({ headers: { "List-Id": "Größe <a.example.com>" } })).toThrow("headers: List-Id cannot be");
  });

  test("References are folded, and keep a message id with =?", () => {
    const ids = Array.from({ length: 40 }, (_, index) => `<=?${index}?=@mail.example.com>`).join(" ");
    expect(headersOf(rawOf({ headers: { References: ids } }))).toContain(`References: ${ids}`);
  });
});

test.each(["=?utf-8?q?evil?=.txt", " a", "a  b", "UTF-8''a%20b", 'a"; filename=evil.exe; x="'])(
  "a file name that looks like an encoding arrives as it is: %j",
  async (filename) => {
    const raw = rawOf({ attachments: [{ filename, content: "x" }] });
    expect((await simpleParser(raw)).attachments[0]?.filename).toBe(filename);
    expect(raw).not.toContain("=?utf-8?q?evil?=");
  },
);

test.each(["a  b", " a ", "a ", "x".repeat(70) + " ".repeat(1_200), "=?utf-8?q?evil?="])(
  "a subject arrives with its spaces: %j",
  async (subject) => {
    const raw = rawOf({ subject });
    expect(raw.split("\r\n").filter((line) => line.length > 998)).toEqual([]);
    const words = headersOf(raw).find((line) => line.startsWith("Subject: ")) ?? "";
    const found = words
      .slice("Subject: ".length)
      .split(" ")
      .map((word) => {
        const [, base64 = ""] = /^=\?UTF-8\?B\?(.*)\?=$/.exec(word) ?? [];
        return Buffer.from(base64, "base64").toString();
      });
    expect(found.join("")).toBe(subject);
  },
);

describe("a mail within a mail", () => {
  const inner = "From: a@example.com\r\nSubject: inner\r\n\r\nHello\r\n";

  test("is not encoded again, and has CRLF at the end of its lines", async () => {
    for (const content of [inner, inner.replaceAll("\r\n", "\n"), Buffer.from(inner)]) {
      const attachments = [{ filename: "a.eml", content, contentType: "message/rfc822" }];
      const raw = rawOf({ attachments });
      expect(raw).toContain(`Content-Transfer-Encoding: 7bit\r\n\r\n${inner}`);
      const [file] = (await simpleParser(raw)).attachments;
      expect(file?.content.toString().trimEnd()).toBe(inner.trimEnd());
    }
  });

  test("cannot end the mail around it, even if it contains that mail's boundary", async () => {
    const message = (content: string) => ({
      attachments: [{ filename: "a.eml", content, contentType: "message/rfc822" }],
    });
    const boundary = /boundary="([^"]+)"/.exec(rawOf(message(inner)))?.[1];
    const { attachments } = await parsed(message(`${inner}--${boundary}--\r\nafter`));
    expect(attachments[0]?.content.toString()).toContain("after");
  });

  test.each([
    ["message/rfc822", "Subject: Größe\r\n\r\n", "is not ASCII in lines"],
    ["message/rfc822", `Subject: a\r\n\r\n${"x".repeat(999)}`, "is not ASCII in lines"],
    ["Message/RFC822", "a\rb", "is not ASCII in lines"],
    ["message/delivery-status", "a\0", "is not ASCII in lines"],
    ["multipart/mixed", "x", "contentType is multipart"],
  ])("%s %j is rejected", (contentType, content, problem) => {
    expect(() => rawOf({ attachments: [{ filename: "a", content, contentType }] })).toThrow(problem);
  });

  test("a calendar may name its method and its character set", async () => {
    const contentType = "text/calendar; charset=utf-8; method=REQUEST";
    const mail = await parsed({ attachments: [{ filename: "a.ics", content: "BEGIN:VCALENDAR", contentType }] });
    expect(mail.attachments[0]).toMatchObject({ contentType: "text/calendar", filename: "a.ics" });
  });
});

test("text, HTML, pictures and files are where mail programs expect them", async () => {
  const bytes = Uint8Array.from({ length: 400 }, (_, index) => index % 256);
  const mail = await parsed({
    text: "Hello\r\n.\nFrom here",
    html: '<p>Hé <img src="cid:logo"></p>',
    replyTo: ["desk@example.com"],
    attachments: [
      { filename: "logo.png", content: bytes, contentType: "image/png", contentId: "logo" },
      { filename: 'Größe (1)\'s "x".txt', content: "naïve", contentType: "text/plain; charset=utf-8" },
    ],
  });
  expect(mail.text?.trimEnd()).toBe("Hello\n.\nFrom here");
  expect(mail.html).toContain("data:image/png;base64,");
  expect(addressesOf(mail.replyTo)).toBe("desk@example.com");
  const [logo, file] = mail.attachments;
  expect(logo).toMatchObject({ filename: "logo.png", contentType: "image/png", cid: "logo", related: true });
  expect(new Uint8Array(logo?.content ?? [])).toEqual(bytes);
  expect(file).toMatchObject({ filename: 'Größe (1)\'s "x".txt' });
  expect(file?.content.toString()).toBe("naïve");
});

describe("for any text", () => {
  const text = fc.string({ unit: "binary", maxLength: 300 }).filter((value) => !/\p{Cs}/u.test(value));
  const line = text.map((value) => value.replaceAll(/[\p{Cc}\u2028\u2029]/gu, ""));

  const name = fc.oneof(line, fc.string({ unit: fc.constantFrom("a", "\\", "語", "👩", " "), maxLength: 3_000 }));

  test("no line is longer than 998 characters, and all are ASCII", () => {
    fc.assert(
      fc.property(text, line, fc.string({ minLength: 0, maxLength: 2_000 }), name, (body, subject, html, who) => {
        const raw = rawOf({
          text: body,
          subject,
          html,
          to: { name: who, address: "ada@example.com" },
          attachments: [{ filename: who, content: "x" }],
          headers: { "X-Note": who },
        });
        const lines = raw.split("\r\n");
        expect(lines.filter((one) => one.length > 998)).toEqual([]);
        expect(raw.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
        expect(raw).toMatch(/^[\t\r\n\x20-\x7e]*$/);
      }),
      { numRuns: 60 },
    );
  });

  test("the body arrives unchanged except for line endings", async () => {
    await fc.assert(
      fc.asyncProperty(
        text.filter((value) => !/\0|\f/.test(value)),
        async (value) => {
          const found = (await parsed({ text: `[${value}]` })).text ?? "";
          expect(found.trimEnd()).toBe(`[${value.replaceAll(/\r\n?/g, "\n")}]`);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("the subject arrives unchanged, and adds no header", async () => {
    await fc.assert(
      fc.asyncProperty(line, async (value) => {
        const subject = `[${value.replaceAll(/\s+/g, " ")}]`;
        const mail = await parsed({ subject });
        expect(mail.subject).toBe(subject);
        expect(mail.headers.size).toBe((await parsed()).headers.size);
      }),
      { numRuns: 60 },
    );
  });
});
