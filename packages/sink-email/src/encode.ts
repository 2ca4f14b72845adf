// Turns a delivery into a mail, without I/O. Every text that becomes a header is checked here.

import { createHash } from "node:crypto";
import { type AppendDelivery, headerKey, messageOf, rejected, type SinkError } from "@sluice/core/sink-kit";
import { type EmailAddress, hasControls, type Mailbox, mailboxOf } from "./mime/mailbox.ts";

/** A file that is attached to a mail. */
export interface EmailAttachment {
  readonly filename: string;
  /** A string is sent as UTF-8. */
  readonly content: string | Uint8Array;
  /** Default `application/octet-stream`. */
  readonly contentType?: string;
  /** Id of a picture for the HTML: `<img src="cid:logo">` shows the attachment with the id `logo`. */
  readonly contentId?: string;
}

/** How a recipient unsubscribes. The `List-Unsubscribe` header is required for bulk mail by large providers. */
export interface Unsubscribe {
  /** An `https:` URL that unsubscribes on a POST, without a confirmation (RFC 8058). */
  readonly url?: string;
  readonly mailto?: string;
}

/** The mail that a mapper returns. */
export interface EmailMessage {
  /** Default: the option `from` of the sink. */
  readonly from?: EmailAddress;
  readonly to?: EmailAddress | readonly EmailAddress[];
  readonly cc?: EmailAddress | readonly EmailAddress[];
  /** Recipients that appear in no header. */
  readonly bcc?: EmailAddress | readonly EmailAddress[];
  readonly replyTo?: EmailAddress | readonly EmailAddress[];
  readonly subject: string;
  /** Text, HTML or both. */
  readonly text?: string;
  readonly html?: string;
  readonly attachments?: readonly EmailAttachment[];
  /** Additional headers. */
  readonly headers?: { readonly [name: string]: string };
  readonly unsubscribe?: Unsubscribe;
  /** Tags for SES event publishing. SMTP ignores them. */
  readonly tags?: { readonly [name: string]: string };
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
  readonly attachments: readonly EmailAttachment[];
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

type Reject = (found: string) => SinkError;

const listOf = <Entry>(given: Entry | readonly Entry[] | undefined): readonly Entry[] =>
  given === undefined ? [] : Array.isArray(given) ? given : [given as Entry];

const mailboxes = (member: string, given: EmailMessage["to"], reject: Reject): Mailbox[] =>
  listOf(given).map((address, index) => {
    const mailbox = mailboxOf(address);
    if (mailbox !== undefined) return mailbox;
    throw reject(
      `${member}: entry ${index + 1} is not an address; expected local@domain in ASCII, and a name in one line`,
    );
  });

/** Checks that the value is one line without control characters. */
const checkLine = (member: string, value: unknown, reject: Reject): void => {
  if (typeof value !== "string") throw reject(`${member} is ${typeof value}; expected a text`);
  if (hasControls(value))
    throw reject(`${member} contains a line break or another control character; expected one line`);
};

const checkAttachment = (
  { filename, content, contentType = "a/b", contentId = "c" }: EmailAttachment,
  reject: Reject,
): void => {
  checkLine("attachments: filename", filename, reject);
  if (typeof content !== "string" && !(content instanceof Uint8Array)) {
    throw reject("attachments: content is neither a string nor bytes");
  }
  if (!/^[\w.+-]{1,127}\/[\w.+-]{1,127}(; ?[\w-]{1,127}=[\w.-]{1,127})?$/.test(contentType))
    throw reject("attachments: contentType is not a media type");
  if (!/^[\w.@+-]{1,100}$/.test(contentId))
    throw reject("attachments: contentId has other characters than letters, digits and _.@+-");
};

const ownHeaders = (headers: { readonly [name: string]: string }, reject: Reject): [string, string][] =>
  Object.entries(headers).map(([name, value]) => {
    if (!/^[\x21-\x39\x3b-\x7e]{1,76}$/.test(name)) throw reject("headers: a name is not a header name");
    if (reserved.test(name)) throw reject(`headers: ${name} is set by the sink`);
    checkLine(`headers: ${name}`, value, reject);
    return [name, value];
  });

/** @see https://www.rfc-editor.org/rfc/rfc8058 (read 2026-11-23) */
const unsubscribeHeaders = ({ url, mailto }: Unsubscribe, reject: Reject): [string, string][] => {
  const isUrl = url === undefined || (/^https:\/\/[\x21-\x3b\x3d\x3f-\x7e]+$/.test(url) && url.length < 900);
  if (!isUrl) throw reject("unsubscribe.url is not an https: URL");
  const mailbox = mailto === undefined ? undefined : mailboxOf(mailto);
  if (mailto !== undefined && mailbox === undefined) throw reject("unsubscribe.mailto is not an address");
  const links = [...(url === undefined ? [] : [`<${url}>`]), ...(mailbox ? [`<mailto:${mailbox.address}>`] : [])];
  if (links.length === 0) throw reject("unsubscribe has neither url nor mailto");
  const list: [string, string] = ["List-Unsubscribe", links.join(", ")];
  return url === undefined ? [list] : [list, ["List-Unsubscribe-Post", "List-Unsubscribe=One-Click"]];
};

/** Whether SES accepts the text in a tag. @see https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html (read 2026-11-23) */
export const isTag = (text: unknown): boolean => typeof text === "string" && /^[\w-]{1,256}$/.test(text);

const checkTags = (tags: { readonly [name: string]: string }, reject: Reject): void => {
  if (Object.entries(tags).flat().every(isTag)) return;
  throw reject("tags: expected letters, digits, _ and -, 256 at most");
};

/** Returns an id that is the same on every repeat of the delivery, and for all of its recipients. */
const messageIdOf = (idempotencyKey: string, from: Mailbox): string => {
  const hash = createHash("sha256").update(idempotencyKey).digest("base64url");
  return `<${hash}@${from.address.slice(from.address.lastIndexOf("@") + 1)}>`;
};

const checkBody = ({ text, html }: EmailMessage, reject: Reject): void => {
  if (text === undefined && html === undefined) throw reject("the message has neither text nor html");
  for (const [member, value] of Object.entries({ text, html })) {
    if (value !== undefined && typeof value !== "string") throw reject(`${member} is ${typeof value}; expected a text`);
  }
};

const uniqueRecipients = (boxes: readonly Mailbox[], reject: Reject): string[] => {
  const recipients = [...new Set(boxes.map(({ address }) => address))];
  if (recipients.length >= 1 && recipients.length <= maxRecipients) return recipients;
  throw reject(`the message has ${recipients.length} recipients; expected 1 to ${maxRecipients}`);
};

/** Returns the mail of a delivery. @throws {SinkError} SINK_REJECTED when a part is invalid or can inject a header. */
export const encode = (delivery: AppendDelivery<EmailMessage>, defaults: MailDefaults): Mail => {
  const reject: Reject = (found) => rejected(defaults.name, found);
  const message = messageOf(defaults.name, delivery);
  const { attachments = [], headers = {}, tags = {}, unsubscribe } = message;
  const [from = defaults.from] = mailboxes("from", message.from, reject);
  if (from === undefined) throw reject('the message has no from, and the option "from" is not set');
  checkLine("subject", message.subject, reject);
  checkBody(message, reject);
  for (const attachment of attachments) checkAttachment(attachment, reject);
  checkTags(tags, reject);
  const to = mailboxes("to", message.to, reject);
  const cc = mailboxes("cc", message.cc, reject);
  const bcc = mailboxes("bcc", message.bcc, reject);
  return {
    from,
    to,
    cc,
    replyTo: mailboxes("replyTo", message.replyTo, reject),
    recipients: uniqueRecipients([...to, ...cc, ...bcc], reject),
    subject: message.subject,
    text: message.text,
    html: message.html,
    attachments,
    headers: [
      ...ownHeaders(headers, reject),
      ...(unsubscribe === undefined ? [] : unsubscribeHeaders(unsubscribe, reject)),
      ["Idempotency-Key", headerKey(delivery.idempotencyKey)],
      ["Sluice-Version", delivery.change.version],
    ],
    tags,
    messageId: messageIdOf(delivery.idempotencyKey, from),
  };
};
