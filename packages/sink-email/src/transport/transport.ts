// The interface of a transport, which SES and SMTP implement.

import type { SinkError } from "@sluice/core/sink-kit";
import type { Mail } from "../encode.ts";

/** One mail and one of its recipients. Each recipient gets a request of its own, and so has an outcome of its own. */
export interface MailEnvelope {
  readonly mail: Mail;
  readonly recipient: string;
  /** The mail as bytes. */
  readonly raw: Buffer;
}

/** Sends mails. Made by `sesTransport()` or `smtpTransport()`, without I/O. */
export interface EmailTransport {
  /** Mails in flight at once, at most. */
  readonly concurrency: number;
  /** Resolves when the target has taken the mail. Rejects if the target did not, and as soon as the signal aborts. */
  readonly send: (envelope: MailEnvelope, signal: AbortSignal) => Promise<void>;
  /** Makes the error of a delivery from the error with which `send` rejected. */
  readonly classify: (sink: string, error: unknown) => SinkError;
  readonly close: () => Promise<void>;
}
