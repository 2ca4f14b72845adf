// Turns a delivery into a mail, without I/O. Every text that becomes a header is checked here.

import { createHash } from "node:crypto";
import {
  type AppendDelivery,
  checkMemberNames,
  entriesOf,
  hasMembers,
  headerKey,
  listMember,
  type MemberNames,
  messageOf,
  objectMember,
  rejected,
  textMember,
  wholeText,
  wrongType,
} from "@sluice/core/sink-kit";
import { sevenBitText } from "./mime/enclosed.ts";
import { canBeAsIs, isStructured } from "./mime/header.ts";
import { type EmailAddress, hasControls, type Mailbox, mailboxOf } from "./mime/mailbox.ts";

/** A file that is attached to a mail. */
export interface EmailAttachment {
  readonly filename: string;
  /** A string is sent as UTF-8. */
  readonly content: string | Uint8Array;
  /** Default `application/octet-stream`. */
  /** Media type with at most five parameters. A `message/rfc822` must be ASCII; `multipart/…` is refused. */
  readonly contentType?: string | null | undefined;
  /** Id of a picture for the HTML: `<img src="cid:logo">` shows the attachment with the id `logo`. */
  readonly contentId?: string | null | undefined;
}

/** How a recipient unsubscribes. The `List-Unsubscribe` header is required for bulk mail by large providers. */
export interface Unsubscribe {
  /** An `https:` URL that unsubscribes on a POST, without a confirmation (RFC 8058). */
  readonly url?: string | null | undefined;
  readonly mailto?: string | null | undefined;
}

type EmailAddresses = EmailAddress | readonly EmailAddress[] | null | undefined;

/** The mail that a mapper returns. Null in an optional member, at any depth, means that the member is absent. */
export interface EmailMessage {
  /** Default: the option `from` of the sink. */
  readonly from?: EmailAddress | null | undefined;
  readonly to?: EmailAddresses;
  readonly cc?: EmailAddresses;
  /** Recipients that appear in no header. */
  readonly bcc?: EmailAddresses;
  readonly replyTo?: EmailAddresses;
  readonly subject: string;
  /** Text, HTML or both. */
  readonly text?: string | null | undefined;
  readonly html?: string | null | undefined;
  readonly attachments?: readonly EmailAttachment[] | null | undefined;
  /** Additional headers. */
  readonly headers?: { readonly [name: string]: string | null | undefined } | null | undefined;
  readonly unsubscribe?: Unsubscribe | null | undefined;
  /** Tags for SES event publishing. SMTP ignores them. */
  readonly tags?: { readonly [name: string]: string | null | undefined } | null | undefined;
}

/** An attachment whose members have been checked. */
export interface MailAttachment {
  readonly filename: string;
  readonly content: Uint8Array;
  /** Whether the content is sent as it is, in ASCII, and not in base64. */
  readonly isAsIs: boolean;
  readonly contentType: string | undefined;
  readonly contentId: string | undefined;
}

/** A mail whose parts have all been checked. */
export interface Mail {
  readonly from: Mailbox;
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  readonly replyTo: readonly Mailbox[];
  /** Addresses of `to`, `cc` and `bcc`, without duplicates. */
  readonly recipients: readonly string[];
  readonly subject: string;
  readonly text: string | undefined;
  readonly html: string | undefined;
  readonly attachments: readonly MailAttachment[];
  /** Names and values of the additional headers. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly tags: { readonly [name: string]: string };
  /** The message id, including the angle brackets. */
  readonly messageId: string;
}

/** The settings that `encode` needs. */
export interface MailDefaults {
  readonly name: string;
  readonly from: Mailbox | undefined;
}

const maxRecipients = 50;

/** Headers that the sink sets itself, or that would change the kind of the mail. */
const reserved =
  /^(from|to|cc|bcc|sender|reply-to|subject|date|message-id|mime-version|content-.*|return-path|received|dkim-.*|resent-.*|list-unsubscribe(-post)?|idempotency-key|sluice-version)$/i;

const isAbsent = (value: unknown): value is null | undefined => value === undefined || value === null;

const mailboxes = (sink: string, member: string, given: unknown): Mailbox[] => {
  const list: readonly unknown[] = isAbsent(given) ? [] : Array.isArray(given) ? given : [given];
  return list.map((address, index) => {
    const mailbox = mailboxOf(address);
    if (mailbox !== undefined) return mailbox;
    const expected = "local@domain in ASCII, and a name in one line of whole characters";
    throw rejected(sink, `${member}: entry ${index + 1} is not an address; expected ${expected}`);
  });
};

/** Returns a text in one line, without control characters. The text may be empty. */
const lineMember = (sink: string, member: string, value: unknown): string => {
  if (typeof value !== "string") throw wrongType(sink, member, value, "a text");
  if (!hasControls(value)) return wholeText(sink, member, value);
  throw rejected(sink, `${member} contains a line break or another control character; expected one line`);
};

/** Returns an optional text that has this form, or undefined. */
const patternMember = (
  sink: string,
  member: string,
  value: unknown,
  pattern: RegExp,
  problem: string,
): string | undefined => {
  if (isAbsent(value)) return undefined;
  const text = textMember(sink, member, value);
  if (pattern.test(text)) return text;
  throw rejected(sink, `${member} ${problem}`);
};

const mediaType = /^[\w.+-]{1,127}\/[\w.+-]{1,127}(; ?[\w-]{1,127}=[\w.-]{1,127}){0,5}$/;

const attachmentMembers: MemberNames<EmailAttachment> = {
  filename: true,
  content: true,
  contentType: true,
  contentId: true,
};

/** Returns the content to encode as base64, or as it is: RFC 2046 forbids base64 for messages within a mail. */
const contentMember = (
  sink: string,
  content: string | Uint8Array,
  contentType: string | undefined,
): Pick<MailAttachment, "content" | "isAsIs"> => {
  const member = "attachments: content";
  const bytes = typeof content === "string" ? Buffer.from(wholeText(sink, member, content)) : content;
  const [kind = ""] = (contentType ?? "").toLowerCase().split("/");
  if (kind === "multipart") {
    throw rejected(sink, "attachments: contentType is multipart; expected one part, such as application/octet-stream");
  }
  // message/global is the one such type that may be in base64: https://www.rfc-editor.org/rfc/rfc6532#section-3.5
  if (kind !== "message" || /^message\/global(;|$)/i.test(contentType ?? "")) return { content: bytes, isAsIs: false };
  const text = sevenBitText(bytes);
  if (text !== undefined) return { content: text, isAsIs: true };
  const found = `${member} of a message/ type is not ASCII in lines of at most 998 characters`;
  throw rejected(sink, `${found}; expected such text, or the contentType application/octet-stream`);
};

const attachmentOf = (sink: string, given: unknown): MailAttachment => {
  if (!hasMembers(given)) throw wrongType(sink, "an entry of attachments", given, "an object with named members");
  const { content } = given;
  if (typeof content !== "string" && !(content instanceof Uint8Array)) {
    throw wrongType(sink, "attachments: content", content, "a string or bytes");
  }
  checkMemberNames(sink, "an entry of attachments", given, attachmentMembers);
  const member = (name: "contentType" | "contentId", pattern: RegExp, problem: string) =>
    patternMember(sink, `attachments: ${name}`, given[name], pattern, problem);
  const contentType = member("contentType", mediaType, "is not a media type");
  return {
    filename: lineMember(sink, "attachments: filename", given.filename),
    ...contentMember(sink, content, contentType),
    contentType,
    contentId: member(
      "contentId",
      /^[\w.@+-]{1,100}$/,
      "has other characters than letters, digits and _.@+-, or more than 100 of them",
    ),
  };
};

const ownHeaders = (sink: string, headers: unknown): [string, string][] =>
  entriesOf(sink, "headers", headers).map(([name, value]) => {
    if (!/^[\x21-\x39\x3b-\x7e]{1,76}$/.test(name)) throw rejected(sink, "headers: a name is not a header name");
    if (reserved.test(name)) throw rejected(sink, `headers: ${name} is set by the sink`);
    const line = lineMember(sink, `headers: ${name}`, value);
    if (!isStructured(name) || canBeAsIs(line)) return [name, line];
    const expected = "ASCII, with a space after at most 900 characters, because this header allows no encoded words";
    throw rejected(sink, `headers: ${name} cannot be sent as it is; expected ${expected}`);
  });

/** In a URL, a question mark or a percent sign of an address has another meaning, so both are percent-encoded. */
const mailtoOf = ({ address }: Mailbox): string => `mailto:${address.split("@").map(encodeURIComponent).join("@")}`;

/** @see https://www.rfc-editor.org/rfc/rfc8058 (read 2026-11-23) */
const unsubscribeHeaders = (sink: string, given: unknown): [string, string][] => {
  const unsubscribe = objectMember(sink, "unsubscribe", given);
  if (unsubscribe === undefined) return [];
  const { mailto } = unsubscribe;
  const url = patternMember(
    sink,
    "unsubscribe.url",
    unsubscribe.url,
    /^https:\/\/[\x21-\x3b\x3d\x3f-\x7e]{1,880}$/,
    "is not an https: URL of at most 888 ASCII characters",
  );
  checkMemberNames(sink, "unsubscribe", unsubscribe, { url: true, mailto: true });
  const mailbox = isAbsent(mailto) ? undefined : mailboxOf(mailto);
  if (!isAbsent(mailto) && mailbox === undefined) throw rejected(sink, "unsubscribe.mailto is not an address");
  const links = [...(url === undefined ? [] : [`<${url}>`]), ...(mailbox ? [`<${mailtoOf(mailbox)}>`] : [])];
  if (links.length === 0) throw rejected(sink, "unsubscribe has neither url nor mailto");
  const list: [string, string] = ["List-Unsubscribe", links.join(", ")];
  return url === undefined ? [list] : [list, ["List-Unsubscribe-Post", "List-Unsubscribe=One-Click"]];
};

/** Whether SES accepts the text in a tag. @see https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html (read 2026-11-23) */
export const isTag = (text: unknown): boolean => typeof text === "string" && /^[\w-]{1,256}$/.test(text);

const tagsOf = (sink: string, given: unknown): Mail["tags"] => {
  const tags = entriesOf(sink, "tags", given);
  if (tags.every(([name, value]) => isTag(name) && isTag(value))) return Object.fromEntries(tags) as Mail["tags"];
  throw rejected(sink, "tags: expected letters, digits, _ and -, 256 at most");
};

/** Returns an id that is the same on every repeat of the delivery, and for all of its recipients. */
const messageIdOf = (idempotencyKey: string, from: Mailbox): string => {
  const hash = createHash("sha256").update(idempotencyKey).digest("base64url");
  return `<${hash}@${from.address.slice(from.address.lastIndexOf("@") + 1)}>`;
};

/** Returns a part of the body: a text, which may be empty, or undefined. */
const bodyPart = (sink: string, member: "text" | "html", value: unknown): string | undefined => {
  if (isAbsent(value)) return undefined;
  if (typeof value === "string") return wholeText(sink, member, value);
  throw wrongType(sink, member, value, "a text");
};

const bodyOf = (sink: string, message: EmailMessage): Pick<Mail, "text" | "html"> => {
  const [text, html] = [bodyPart(sink, "text", message.text), bodyPart(sink, "html", message.html)];
  if (text === undefined && html === undefined) throw rejected(sink, "the message has neither text nor html");
  return { text, html };
};

const uniqueRecipients = (sink: string, boxes: readonly Mailbox[]): string[] => {
  const recipients = [...new Set(boxes.map(({ address }) => address))];
  if (recipients.length >= 1 && recipients.length <= maxRecipients) return recipients;
  throw rejected(sink, `the message has ${recipients.length} recipients; expected 1 to ${maxRecipients}`);
};

const members: MemberNames<EmailMessage> = {
  from: true,
  to: true,
  cc: true,
  bcc: true,
  replyTo: true,
  subject: true,
  text: true,
  html: true,
  attachments: true,
  headers: true,
  unsubscribe: true,
  tags: true,
};

/** Returns the mail of a delivery. @throws {SinkError} SINK_REJECTED when a part is invalid or can inject a header. */
export const encode = (delivery: AppendDelivery<EmailMessage>, defaults: MailDefaults): Mail => {
  const { name: sink } = defaults;
  const message = messageOf(sink, delivery, members);
  const [from = defaults.from] = mailboxes(sink, "from", message.from);
  if (from === undefined) throw rejected(sink, 'the message has no from, and the option "from" is not set');
  const to = mailboxes(sink, "to", message.to);
  const cc = mailboxes(sink, "cc", message.cc);
  const bcc = mailboxes(sink, "bcc", message.bcc);
  return {
    from,
    to,
    cc,
    replyTo: mailboxes(sink, "replyTo", message.replyTo),
    recipients: uniqueRecipients(sink, [...to, ...cc, ...bcc]),
    subject: lineMember(sink, "subject", message.subject),
    ...bodyOf(sink, message),
    attachments: (listMember(sink, "attachments", message.attachments) ?? []).map((given) => attachmentOf(sink, given)),
    headers: [
      ...ownHeaders(sink, message.headers),
      ...unsubscribeHeaders(sink, message.unsubscribe),
      ["Idempotency-Key", headerKey(delivery.idempotencyKey)],
      ["Sluice-Version", delivery.change.version],
    ],
    tags: tagsOf(sink, message.tags),
    messageId: messageIdOf(delivery.idempotencyKey, from),
  };
};
