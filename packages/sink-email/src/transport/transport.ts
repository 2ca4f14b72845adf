// What a transport does, so that SES and SMTP are one to the sink.

import type { SinkError } from "@sluice/core/sink-kit";
import type { Mail } from "../encode.ts";

/** One mail on its way to one of its recipients: each gets a request of its own, so that each has an outcome of its own. */
export interface Envelope {
  readonly mail: Mail;
  readonly recipient: string;
  /** The mail as bytes. */
  readonly raw: Buffer;
}

/** Sends mails. Made by `sesTransport()` or `smtpTransport()`, without I/O. */
export interface EmailTransport {
  /** Mails at once, at most. */
  readonly concurrency: number;
  /** Resolves when the target has taken the mail. Rejects when it did not, and soon after the signal. */
  readonly send: (envelope: Envelope, signal: AbortSignal) => Promise<void>;
  /** The error of a delivery, from what `send` rejected with. */
  readonly classify: (sink: string, error: unknown) => SinkError;
  readonly close: () => Promise<void>;
}
