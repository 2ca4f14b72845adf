// The factory, and what becomes of a mail to several recipients.

import {
  type AppendDelivery,
  ConfigError,
  DeadlineError,
  type DeliveryError,
  delivered,
  failed,
  rateLimiter,
  type Sink,
  SinkError,
  semaphore,
  type WriteContext,
  type WriteResult,
} from "@sluice/core/sink-kit";
import { type EmailMessage, encode, type Mail } from "./encode.ts";
import { mimeOf } from "./mime/mime.ts";
import { checkOptions, type EmailSinkOptions, type Settings } from "./options.ts";
import type { Envelope } from "./transport/transport.ts";
import { type SendToSeveral, severalSender } from "./write/recipients.ts";

/** Sends one mail to one recipient, in its turn; resolves to what kept it from being taken. */
type SendOne = (envelope: Envelope, signal: AbortSignal) => Promise<DeliveryError | undefined>;

/** What one environment sends mails with. */
interface Office {
  readonly settings: Settings;
  readonly sendOne: SendOne;
  readonly sendToSeveral: SendToSeveral | undefined;
}

const senderOf = (settings: Settings): SendOne => {
  const { name, transport, maxPerSecond, clock } = settings;
  const { take, give } = semaphore(transport.concurrency);
  const turn = rateLimiter(maxPerSecond, clock);
  return async (envelope, signal) => {
    await take();
    try {
      if (!signal.aborted) await turn(signal);
      if (signal.aborted) return lateError(name);
      await transport.send(envelope, signal);
      return undefined;
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      return transport.classify(name, error);
    } finally {
      give();
    }
  };
};

const rawOf = (settings: Settings, mail: Mail): Buffer => {
  const raw = mimeOf(mail, settings.clock.now());
  if (raw.length <= settings.maxBytes) return raw;
  const limit = `${raw.length} bytes with its attachments; the limit is ${settings.maxBytes}`;
  throw new SinkError("SINK_TOO_LARGE", `[${settings.name}] the mail is ${limit}`);
};

/** Lambda's longest invocation, and a moment for what is settled after its end. */
const longestHoldMs = 900_000;
const marginMs = 1_000;

const lateError = (name: string): DeadlineError =>
  new DeadlineError("DEADLINE_EXCEEDED", `[${name}] the invocation's time was over before the mail was sent`);

/** The mail, ready to be sent. @throws {SinkError} what can never be sent */
const readyMail = ({ settings, sendToSeveral }: Office, delivery: AppendDelivery<EmailMessage>) => {
  const mail = encode(delivery, settings);
  if (mail.recipients.length > 1 && sendToSeveral === undefined) {
    const found = `[${settings.name}] the message has ${mail.recipients.length} recipients`;
    throw new SinkError("SINK_REJECTED", `${found}; several need the option "dedupeStore", so that none gets it twice`);
  }
  return { mail, raw: rawOf(settings, mail) };
};

const failureOf = async (
  office: Office,
  delivery: AppendDelivery<EmailMessage>,
  { signal, remainingMs }: WriteContext,
): Promise<DeliveryError | undefined> => {
  const { settings, sendOne, sendToSeveral } = office;
  const { mail, raw } = readyMail(office, delivery);
  const sendTo = (recipient: string) => sendOne({ mail, recipient, raw }, signal);
  const { recipients } = mail;
  if (signal.aborted) return lateError(settings.name);
  if (recipients.length === 1 || sendToSeveral === undefined) return sendTo(recipients[0] as string);
  const holdMs = Math.min(remainingMs(), longestHoldMs) + marginMs;
  return sendToSeveral({ idempotencyKey: delivery.idempotencyKey, recipients, holdMs, sendTo });
};

const settle = async (
  delivery: AppendDelivery<EmailMessage>,
  attempt: () => Promise<DeliveryError | undefined>,
): Promise<WriteResult> => {
  try {
    const error = await attempt();
    return error === undefined ? delivered(delivery) : failed(delivery, error);
  } catch (error) {
    if (error instanceof SinkError) return failed(delivery, error);
    throw error;
  }
};

/**
 * Sends a mail for each change, in order per item: `Message-ID` and `Idempotency-Key` are equal on every repeat, and
 * each recipient gets a copy of its own.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong.
 * @example
 * emailSink({ transport: sesTransport(), from: { name: "Shop", address: "shop@example.com" }, maxPerSecond: 14 })
 */
export const emailSink = (options: EmailSinkOptions): Sink<EmailMessage, "append"> => {
  const settings = checkOptions(options);
  const office: Office = {
    settings,
    sendOne: senderOf(settings),
    sendToSeveral: settings.leases && severalSender(settings.name, settings.leases),
  };
  return {
    name: settings.name,
    supports: {
      writes: "append",
      maxEntries: 1,
      concurrency: settings.transport.concurrency,
      // A mail that comes twice does harm.
      dedupe: "always",
    },
    write: (batch, context) =>
      Promise.all(batch.map((delivery) => settle(delivery, () => failureOf(office, delivery, context)))),
    dryRun: (batch) =>
      Promise.all(batch.map((delivery) => settle(delivery, async () => void readyMail(office, delivery)))),
    close: settings.transport.close,
  };
};
