// The factory, which turns options into a sink. The sink connects at its first write.

import {
  ConfigError,
  type DeliveryError,
  leaseMs,
  notStarted,
  rateLimiter,
  rejected,
  type Sink,
  SinkError,
  semaphore,
  writeEach,
} from "@sluice/core/sink-kit";
import { type EmailMessage, encode, type Mail } from "./encode.ts";
import { mimeOf } from "./mime/mime.ts";
import { checkOptions, type EmailSinkOptions, type EmailSinkSettings } from "./options.ts";
import type { MailEnvelope } from "./transport/transport.ts";
import { recipientsSender } from "./write/recipients.ts";

/** Creates the function that mails to one recipient. The function resolves with an error if the mail was refused. */
const mailSender = ({ name, transport, maxPerSecond, clock }: EmailSinkSettings) => {
  const limited = semaphore(transport.concurrency);
  const turn = rateLimiter(maxPerSecond, clock);
  return (envelope: MailEnvelope, signal: AbortSignal): Promise<DeliveryError | undefined> =>
    limited(async () => {
      try {
        if (!signal.aborted) await turn(signal);
        if (signal.aborted) return notStarted(name);
        await transport.send(envelope, signal);
        return undefined;
      } catch (error) {
        if (error instanceof ConfigError) throw error;
        return transport.classify(name, error);
      }
    });
};

const rawOf = ({ name, maxBytes, clock }: EmailSinkSettings, mail: Mail): Buffer => {
  const raw = mimeOf(mail, clock.now());
  if (raw.length <= maxBytes) return raw;
  const found = `the mail is ${raw.length} bytes with its attachments; the limit is ${maxBytes}`;
  throw new SinkError("SINK_TOO_LARGE", `[${name}] ${found}`);
};

const checkRecipients = ({ name, leases }: EmailSinkSettings, { recipients }: Mail): void => {
  if (recipients.length === 1 || leases !== undefined) return;
  const needed = 'several recipients need the option "dedupeStore", so that a repeat sends no second copy';
  throw rejected(name, `the message has ${recipients.length} recipients; ${needed}`);
};

/**
 * Creates a sink that sends a mail for each change, in order per item. Each recipient gets a separate mail.
 * `Message-ID` and `Idempotency-Key` are the same on every repeat.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong; the message names the option.
 * @example
 * emailSink({ transport: sesTransport(), from: { name: "Shop", address: "shop@example.com" }, maxPerSecond: 14 })
 */
export const emailSink = (options: EmailSinkOptions): Sink<EmailMessage, "append"> => {
  const settings = checkOptions(options);
  const { name, transport, leases } = settings;
  const sendMail = mailSender(settings);
  const sendToRecipients = leases && recipientsSender(name, leases);
  return {
    name,
    // `always`, because a second copy of a mail does harm.
    supports: { writes: "append", maxEntries: 1, concurrency: transport.concurrency, dedupe: "always" },
    ...writeEach<EmailMessage, Omit<MailEnvelope, "recipient">>({
      sink: name,
      encode: (delivery) => {
        const mail = encode(delivery, settings);
        checkRecipients(settings, mail);
        return { mail, raw: rawOf(settings, mail) };
      },
      send: async ({ mail, raw }, { idempotencyKey }, { signal, remainingMs }) => {
        const { recipients } = mail;
        const sendTo = (recipient: string) => sendMail({ mail, recipient, raw }, signal);
        if (recipients.length === 1 || sendToRecipients === undefined) return sendTo(recipients[0] as string);
        return sendToRecipients({ idempotencyKey, recipients, holdMs: leaseMs(remainingMs()), sendTo });
      },
    }),
    ...(transport.prepare && { prepare: transport.prepare }),
    close: transport.close,
  };
};
