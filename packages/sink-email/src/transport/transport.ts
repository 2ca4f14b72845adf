// The interface of a transport, which SES and SMTP implement.

import type { SinkError } from "@sluice/core/sink-kit";
import type { Mail } from "../encode.ts";

/** One mail and one of its recipients. Each recipient gets a separate request, and so has a separate outcome. */
export interface MailEnvelope {
  readonly mail: Mail;
  readonly recipient: string;
  /** The mail as bytes. */
  readonly raw: Buffer;
}

/** Sends mails. `sesTransport()` and `smtpTransport()` create it without I/O. */
export interface EmailTransport {
  /** Maximum number of mails in flight. */
  readonly concurrency: number;
  /** Resolves when the target has taken the mail. Rejects if the target refused it, or as soon as the signal aborts. */
  readonly send: (envelope: MailEnvelope, signal: AbortSignal) => Promise<void>;
  /** Creates the error of a delivery from an error of `send`. */
  readonly classify: (sink: string, error: unknown) => SinkError;
  /** Loads the code of the client. Makes no request. */
  readonly prepare?: () => Promise<void>;
  readonly close: () => Promise<void>;
}
