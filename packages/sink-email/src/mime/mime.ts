// Writes a mail as bytes, by RFC 5322 and MIME. Repeats of a mail have the same bytes, except for the date.

import { createHash } from "node:crypto";
import type { Mail, MailAttachment } from "../encode.ts";
import { headerLine, headerMailbox, headerParameter, headerText, isStructured } from "./header.ts";

interface MimePart {
  readonly headers: readonly string[];
  readonly body: string;
}

/** Encodes text as quoted-printable, in which ASCII stays readable. @see https://www.rfc-editor.org/rfc/rfc2045#section-6.7 */
const quotedPrintable = (text: string): string =>
  text
    .replace(/\r\n?|\n/g, "\n")
    .split("\n")
    .map((line) => {
      const lines: string[] = [];
      let current = "";
      const characters = [...line];
      for (const [index, character] of characters.entries()) {
        const isLast = index === characters.length - 1;
        const isPlain = /[\x21-\x3c\x3e-\x7e]/.test(character) || (/[ \t]/.test(character) && !isLast);
        const bytes = [...Buffer.from(character)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`);
        const token = isPlain ? character : bytes.join("");
        if (current.length + token.length > 75) {
          lines.push(`${current}=`);
          current = "";
        }
        current += token;
      }
      lines.push(current);
      return lines.join("\r\n");
    })
    .join("\r\n");

const base64Lines = (content: Uint8Array): string =>
  Buffer.from(content.buffer, content.byteOffset, content.byteLength)
    .toString("base64")
    .replace(/.{76}(?=.)/g, "$&\r\n");

const textPart = (subtype: "plain" | "html", text: string): MimePart => ({
  headers: [`Content-Type: text/${subtype}; charset=utf-8`, "Content-Transfer-Encoding: quoted-printable"],
  body: quotedPrintable(text),
});

const attachmentPart = ({ filename, content, contentType, contentId, isAsIs }: MailAttachment): MimePart => ({
  headers: [
    headerLine("Content-Type", contentType ?? "application/octet-stream"),
    headerLine(
      "Content-Disposition",
      `${contentId === undefined ? "attachment" : "inline"}; ${headerParameter("filename", filename)}`,
    ),
    ...(contentId === undefined ? [] : [`Content-ID: <${contentId}>`]),
    `Content-Transfer-Encoding: ${isAsIs ? "7bit" : "base64"}`,
  ],
  body: isAsIs ? Buffer.from(content).toString("latin1") : base64Lines(content),
});

/**
 * Joins parts by a boundary, which no part contains: quoted-printable has no `=_`, base64 has no `_`, and a part that is
 * sent as it is cannot contain a hash of itself.
 */
const multipart = (kind: "alternative" | "related" | "mixed", parts: readonly MimePart[], seed: string): MimePart => {
  if (parts.length === 1 && parts[0] !== undefined) return parts[0];
  const boundary = `=_${createHash("sha256").update(`${kind} ${seed}`).digest("hex").slice(0, 32)}`;
  const texts = parts.map(({ headers, body }) => `--${boundary}\r\n${headers.join("\r\n")}\r\n\r\n${body}\r\n`);
  return {
    headers: [`Content-Type: multipart/${kind}; boundary="${boundary}"`],
    body: `${texts.join("")}--${boundary}--`,
  };
};

const contentOf = ({ text, html, attachments, messageId }: Mail): MimePart => {
  const seed = attachments
    .filter(({ isAsIs }) => isAsIs)
    .reduce((hash, { content }) => hash.update(content), createHash("sha256").update(messageId))
    .digest("hex");
  const inline = attachments.filter(({ contentId }) => contentId !== undefined);
  const attached = attachments.filter(({ contentId }) => contentId === undefined);
  const rich =
    html === undefined ? [] : [multipart("related", [textPart("html", html), ...inline.map(attachmentPart)], seed)];
  const plain = text === undefined ? [] : [textPart("plain", text)];
  const readable = multipart("alternative", [...plain, ...rich], seed);
  const beside = html === undefined ? inline : [];
  return multipart("mixed", [readable, ...[...beside, ...attached].map(attachmentPart)], seed);
};

/** Returns the date in the format of RFC 5322, in UTC. */
const dateText = (ms: number): string => new Date(ms).toUTCString().replace("GMT", "+0000");

const addressLine = (name: string, mailboxes: Mail["to"]): string[] =>
  mailboxes.length === 0 ? [] : [headerLine(name, mailboxes.map(headerMailbox).join(", "))];

/** Returns the whole mail as bytes, without the `bcc` addresses. */
export const mimeOf = (mail: Mail, dateMs: number): Buffer => {
  const { headers, body } = contentOf(mail);
  const lines = [
    headerLine("From", headerMailbox(mail.from)),
    ...addressLine("To", mail.to),
    ...addressLine("Cc", mail.cc),
    ...addressLine("Reply-To", mail.replyTo),
    headerLine("Subject", headerText(mail.subject)),
    `Date: ${dateText(dateMs)}`,
    `Message-ID: ${mail.messageId}`,
    ...mail.headers.map(([name, value]) => headerLine(name, isStructured(name) ? value : headerText(value))),
    "MIME-Version: 1.0",
    ...headers,
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}\r\n`);
};
