// From a delivery to a mail: every text that becomes a header is checked here. Pure.

import { createHash } from "node:crypto";
import { type AppendDelivery, messageOf, SinkError } from "@sluice/core/sink-kit";
import { type EmailAddress, hasControls, type Mailbox, mailboxOf } from "./mime/mailbox.ts";

/** A file that goes with a mail. */
export interface EmailAttachment {
  readonly filename: string;
  /** A text is sent in UTF-8. */
  readonly content: string | Uint8Array;
  /** Default `application/octet-stream`. */
  readonly contentType?: string;
  /** For a picture in the HTML: `logo` is shown by `<img src="cid:logo">`. */
  readonly contentId?: string;
}

/** How a recipient takes leave: `List-Unsubscribe`, which large providers demand of mail to many. */
export interface Unsubscribe {
  /** An `https:` URL that takes a POST without asking back, as RFC 8058 says. */
  readonly url?: string;
  readonly mailto?: string;
}

/** One mail. */
export interface EmailMessage {
  /** Default: the sink's. */
  readonly from?: EmailAddress;
  readonly to?: EmailAddress | readonly EmailAddress[];
  readonly cc?: EmailAddress | readonly EmailAddress[];
  /** These get the mail too, and nobody sees it. */
  readonly bcc?: EmailAddress | readonly EmailAddress[];
  readonly replyTo?: EmailAddress | readonly EmailAddress[];
  readonly subject: string;
  /** Text, HTML or both. */
  readonly text?: string;
  readonly html?: string;
  readonly attachments?: readonly EmailAttachment[];
  /** Beside those that the sink makes. */
  readonly headers?: { readonly [name: string]: string };
  readonly unsubscribe?: Unsubscribe;
  /** For SES' event publishing; SMTP has no such thing. */
  readonly tags?: { readonly [name: string]: string };
}

/** A mail whose every part has been checked. */
export interface Mail {
  readonly from: Mailbox;
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  readonly replyTo: readonly Mailbox[];
  /** Who gets it, each once: of `to`, `cc` and `bcc`. */
  readonly recipients: readonly string[];
  readonly subject: string;
  readonly text: string | undefined;
  readonly html: string | undefined;
  readonly attachments: readonly EmailAttachment[];
  /** Names and values of the headers beside the usual ones. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly tags: { readonly [name: string]: string };
  /** With its angle brackets. */
  readonly messageId: string;
}

/** The part of the settings that a mail is made of. */
export interface MailSettings {
  readonly name: string;
  readonly from: Mailbox | undefined;
}

const maxRecipients = 50;

/** Headers that the sink makes, or that would change what the mail is. */
const reserved =
  /^(from|to|cc|bcc|sender|reply-to|subject|date|message-id|mime-version|content-.*|return-path|received|dkim-.*|resent-.*|list-unsubscribe(-post)?|idempotency-key|sluice-version)$/i;

type Refuse = (found: string) => SinkError;

const listOf = <Entry>(given: Entry | readonly Entry[] | undefined): readonly Entry[] =>
  given === undefined ? [] : Array.isArray(given) ? given : [given as Entry];

const mailboxes = (member: string, given: EmailMessage["to"], refuse: Refuse): Mailbox[] =>
  listOf(given).map((address, index) => {
    const mailbox = mailboxOf(address);
    if (mailbox !== undefined) return mailbox;
    throw refuse(`${member}: address ${index + 1} is none; expected local@domain in ASCII, and a name in one line`);
  });

/** One line, without anything that could end it. */
const checkLine = (member: string, value: unknown, refuse: Refuse): void => {
  if (typeof value !== "string") throw refuse(`${member} is ${typeof value}; expected a text`);
  if (hasControls(value)) throw refuse(`${member} holds a line end or another control character; expected one line`);
};

const checkAttachment = (
  { filename, content, contentType = "a/b", contentId = "c" }: EmailAttachment,
  refuse: Refuse,
): void => {
  checkLine("attachments: filename", filename, refuse);
  if (typeof content !== "string" && !(content instanceof Uint8Array)) {
    throw refuse("attachments: content is neither text nor bytes");
  }
  if (!/^[\w.+-]{1,127}\/[\w.+-]{1,127}(; ?[\w-]{1,127}=[\w.-]{1,127})?$/.test(contentType))
    throw refuse("attachments: contentType is none");
  if (!/^[\w.@+-]{1,100}$/.test(contentId)) throw refuse("attachments: contentId has other characters than word.@+-");
};

const ownHeaders = (headers: { readonly [name: string]: string }, refuse: Refuse): [string, string][] =>
  Object.entries(headers).map(([name, value]) => {
    if (!/^[\x21-\x39\x3b-\x7e]{1,76}$/.test(name)) throw refuse("headers: a name is none");
    if (reserved.test(name)) throw refuse(`headers: ${name} is set by the sink`);
    checkLine(`headers: ${name}`, value, refuse);
    return [name, value];
  });

/** @see https://www.rfc-editor.org/rfc/rfc8058 (read 2026-11-23) */
const unsubscribeHeaders = ({ url, mailto }: Unsubscribe, refuse: Refuse): [string, string][] => {
  const isUrl = url === undefined || (/^https:\/\/[\x21-\x3b\x3d\x3f-\x7e]+$/.test(url) && url.length < 900);
  if (!isUrl) throw refuse("unsubscribe.url is no https: URL");
  const mailbox = mailto === undefined ? undefined : mailboxOf(mailto);
  if (mailto !== undefined && mailbox === undefined) throw refuse("unsubscribe.mailto is no address");
  const links = [...(url === undefined ? [] : [`<${url}>`]), ...(mailbox ? [`<mailto:${mailbox.address}>`] : [])];
  if (links.length === 0) throw refuse("unsubscribe has neither url nor mailto");
  const list: [string, string] = ["List-Unsubscribe", links.join(", ")];
  return url === undefined ? [list] : [list, ["List-Unsubscribe-Post", "List-Unsubscribe=One-Click"]];
};

/** @see https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html (read 2026-11-23) */
const checkTags = (tags: { readonly [name: string]: string }, refuse: Refuse): void => {
  const isTag = (text: unknown): boolean => typeof text === "string" && /^[\w-]{1,256}$/.test(text);
  for (const [name, value] of Object.entries(tags)) {
    if (!isTag(name) || !isTag(value)) throw refuse("tags: expected letters, digits, _ and -, 256 at most");
  }
};

/** Equal on every repeat of the delivery, and for all of its recipients. */
const messageIdOf = (idempotencyKey: string, from: Mailbox): string => {
  const hash = createHash("sha256").update(idempotencyKey).digest("base64url");
  return `<${hash}@${from.address.slice(from.address.lastIndexOf("@") + 1)}>`;
};

/** The key where it can stand in a header, which is always unless the route's name is odd. */
const headerKey = (idempotencyKey: string): string =>
  /^[\x21-\x7e]{1,255}$/.test(idempotencyKey)
    ? idempotencyKey
    : `sha256:${createHash("sha256").update(idempotencyKey).digest("base64url")}`;

const checkBody = ({ text, html }: EmailMessage, refuse: Refuse): void => {
  if (text === undefined && html === undefined) throw refuse("the message has neither text nor html");
  for (const [member, value] of Object.entries({ text, html })) {
    if (value !== undefined && typeof value !== "string") throw refuse(`${member} is ${typeof value}; expected a text`);
  }
};

const uniqueRecipients = (boxes: readonly Mailbox[], refuse: Refuse): string[] => {
  const recipients = [...new Set(boxes.map(({ address }) => address))];
  if (recipients.length >= 1 && recipients.length <= maxRecipients) return recipients;
  throw refuse(`the message has ${recipients.length} recipients; expected 1 to ${maxRecipients}`);
};

/**
 * The mail of a delivery.
 * @throws {SinkError} SINK_REJECTED when a part of the message is none, names no recipient, or would inject a header.
 */
export const encode = (delivery: AppendDelivery<EmailMessage>, settings: MailSettings): Mail => {
  const refuse: Refuse = (found) => new SinkError("SINK_REJECTED", `[${settings.name}] ${found}`);
  const message = messageOf(settings.name, delivery);
  const { attachments = [], headers = {}, tags = {}, unsubscribe } = message;
  const [from = settings.from] = mailboxes("from", message.from, refuse);
  if (from === undefined) throw refuse('the message has no from, and neither has the option "from"');
  checkLine("subject", message.subject, refuse);
  checkBody(message, refuse);
  for (const attachment of attachments) checkAttachment(attachment, refuse);
  checkTags(tags, refuse);
  const to = mailboxes("to", message.to, refuse);
  const cc = mailboxes("cc", message.cc, refuse);
  const bcc = mailboxes("bcc", message.bcc, refuse);
  return {
    from,
    to,
    cc,
    replyTo: mailboxes("replyTo", message.replyTo, refuse),
    recipients: uniqueRecipients([...to, ...cc, ...bcc], refuse),
    subject: message.subject,
    text: message.text,
    html: message.html,
    attachments,
    headers: [
      ...ownHeaders(headers, refuse),
      ...(unsubscribe === undefined ? [] : unsubscribeHeaders(unsubscribe, refuse)),
      ["Idempotency-Key", headerKey(delivery.idempotencyKey)],
      ["Sluice-Version", delivery.change.version],
    ],
    tags,
    messageId: messageIdOf(delivery.idempotencyKey, from),
  };
};
