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

test("a text that is cut within a character arrives with a replacement character", async () => {
  const cut = "👩".slice(0, 1);
  const mail = await parsed({
    subject: `a${cut}`,
    to: { name: `b${cut}`, address: "ada@example.com" },
    attachments: [{ filename: `c${cut}`, content: "x" }],
  });
  expect([mail.subject, addressesOf(mail.to), mail.attachments[0]?.filename]).toEqual([
    "a\ufffd",
    '"b\ufffd" <ada@example.com>',
    "c\ufffd",
  ]);
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

  const name = fc.oneof(line, fc.string({ unit: fc.constantFrom("a", "\\", "語", "\ud83d"), maxLength: 3_000 }));

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
