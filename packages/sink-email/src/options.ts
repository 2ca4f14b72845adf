// Options, their defaults and their validation at cold start. No code here connects to a server.

import {
  type Clock,
  checkedPerSecond,
  checkOptionNames,
  checkText,
  checkWhole,
  type DedupeStore,
  invalidOption,
  type Leases,
  type OptionNames,
  systemClock,
} from "@sluice/core/sink-kit";
import type { MailDefaults } from "./encode.ts";
import { type EmailAddress, type Mailbox, mailboxOf } from "./mime/mailbox.ts";
import type { EmailTransport } from "./transport/transport.ts";

/** Options of `emailSink`. */
export interface EmailSinkOptions {
  /** `sesTransport({ … })` or `smtpTransport({ … })`. */
  readonly transport: EmailTransport;
  /** Sender of mails whose message has no `from`. */
  readonly from?: EmailAddress;
  /** Mails per second, in each environment. Default: no limit. */
  readonly maxPerSecond?: number;
  /**
   * The pipeline's `dedupeStore`. A message to several recipients needs a lease for each recipient. Without a store,
   * such messages are rejected, because a repeat would reach some recipients twice.
   */
  readonly dedupeStore?: Pick<DedupeStore, "leases">;
  /** Maximum bytes of a mail, with attachments in base64. Default 10,240,000, as on many servers. SES allows 40 MB. */
  readonly maxBytes?: number;
  /** Name of the sink in logs, metrics and dead letters. Default `email`. */
  readonly name?: string;
  /** For tests: replaces the machine's clock. */
  readonly clock?: Pick<Clock, "now" | "sleep">;
}

/** Options after validation. */
export interface EmailSinkSettings
  extends MailDefaults,
    Required<Pick<EmailSinkOptions, "transport" | "maxPerSecond" | "maxBytes" | "clock">> {
  readonly leases: Leases | undefined;
}

const checkedFrom = (from: EmailAddress | undefined): Mailbox | undefined => {
  if (from === undefined) return undefined;
  const mailbox = mailboxOf(from);
  if (mailbox === undefined) throw invalidOption("from", "must be an address: local@domain, or { name, address }");
  return mailbox;
};

const checkedLeases = (store: EmailSinkOptions["dedupeStore"]): Leases | undefined => {
  if (store === undefined) return undefined;
  const { acquire, complete, release } = (store.leases ?? {}) as Partial<Leases>;
  if ([acquire, complete, release].every((call) => typeof call === "function")) return store.leases;
  throw invalidOption("dedupeStore", "must be a dedupe store with leases, such as the pipeline's");
};

const known: OptionNames<EmailSinkOptions> = {
  transport: true,
  from: true,
  maxPerSecond: true,
  dedupeStore: true,
  maxBytes: true,
  name: true,
  clock: true,
};

/** Checks the options and fills in defaults. @throws {ConfigError} CONFIG_INVALID, which names the option */
export const checkOptions = (options: EmailSinkOptions): EmailSinkSettings => {
  checkOptionNames("emailSink", options, known);
  const { transport, maxBytes = 10_240_000, name = "email", clock = systemClock } = options;
  if (typeof transport?.send !== "function")
    throw invalidOption("transport", "must be sesTransport({ … }) or smtpTransport({ … })");
  checkWhole("maxBytes", maxBytes, [1, Number.MAX_SAFE_INTEGER]);
  checkText("name", name);
  return Object.freeze({
    name,
    transport,
    from: checkedFrom(options.from),
    maxPerSecond: checkedPerSecond(options.maxPerSecond),
    leases: checkedLeases(options.dedupeStore),
    maxBytes,
    clock,
  });
};
