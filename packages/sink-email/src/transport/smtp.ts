// SMTP through nodemailer. Each recipient gets a separate transaction, over a pool of connections.

import { isIP } from "node:net";
import {
  checkClient,
  checkEither,
  checkOptionNames,
  checkText,
  checkTls,
  checkWhole,
  isLoopbackHost,
  lazyClient,
  missingDependency,
  type OptionNames,
  untilAborted,
} from "@sluice/core/sink-kit";
import { classifySmtp } from "../classify.ts";
import type { EmailTransport } from "./transport.ts";

/** The mail that the sink passes to a transporter: its bytes and its envelope. */
export interface SmtpMail {
  readonly envelope: { from: string; to: string[]; size: number };
  readonly raw: Buffer;
  /** Nodemailer ends the transaction when the signal aborts. */
  readonly signal: AbortSignal;
}

/** A transporter of nodemailer 10.5 or newer. You can pass your own. */
export interface SmtpTransporter {
  readonly sendMail: (mail: SmtpMail) => Promise<SmtpSent>;
}

/** The result of a transporter. It may contain rejections that the transporter did not throw. */
export interface SmtpSent {
  readonly rejected?: readonly unknown[] | undefined;
  readonly rejectedErrors?: readonly unknown[] | undefined;
}

/** Options of `smtpTransport`. Set either `host` or your own `transporter`, which the sink does not close. */
export interface SmtpTransportOptions {
  readonly transporter?: SmtpTransporter;
  readonly host?: string;
  /** Default 587, or 465 with `secure`. */
  readonly port?: number;
  /** Whether TLS starts with the first byte. Default false: STARTTLS is required unless the server is this machine. */
  readonly secure?: boolean;
  readonly auth?: { readonly user: string; readonly pass: string };
  /** Certificate authorities to trust instead of the well-known ones. The server's certificate is always verified. */
  readonly tls?: { readonly ca?: string | readonly string[]; readonly servername?: string };
  /** Timeout in milliseconds of the connection, of the greeting and of each reply. Default 10,000. */
  readonly timeoutMs?: number;
  /** Maximum number of connections, and of mails in flight, in each environment. Default 5. */
  readonly concurrency?: number;
}

const known: OptionNames<SmtpTransportOptions> = {
  transporter: true,
  host: true,
  port: true,
  secure: true,
  auth: true,
  tls: true,
  timeoutMs: true,
  concurrency: true,
};

const checkSmtp = (options: SmtpTransportOptions): void => {
  checkOptionNames("smtpTransport", options, known);
  const { transporter, host, port = 1, auth, tls, timeoutMs = 1, concurrency = 1 } = options;
  checkEither({ host, transporter });
  checkClient(transporter, "sendMail", "a transporter of nodemailer", "transporter");
  if (host !== undefined) checkText("host", host);
  checkWhole("port", port, [1, 65_535]);
  if (auth !== undefined) {
    checkOptionNames("smtpTransport({ auth })", auth, { user: true, pass: true });
    for (const part of ["user", "pass"] as const) checkText(`auth.${part}`, auth[part]);
  }
  checkTls("tls", tls);
  if (tls !== undefined) checkOptionNames("smtpTransport({ tls })", tls, { ca: true, servername: true });
  checkWhole("timeoutMs", timeoutMs, [1, 2 ** 31 - 1]);
  checkWhole("concurrency", concurrency, [1, 1_000]);
};

const makeTransporter = async (options: SmtpTransportOptions) => {
  const { createTransport } = await import("nodemailer").catch(missingDependency("smtpTransport", "nodemailer"));
  const { host = "", secure = false, port = secure ? 465 : 587, auth, tls = {}, timeoutMs = 10_000 } = options;
  const { ca, servername = isIP(host) === 0 ? host : undefined } = tls;
  const transport = createTransport({
    host,
    port,
    secure,
    requireTLS: !secure && !isLoopbackHost(host),
    ...(auth && { auth: { ...auth } }),
    tls: {
      rejectUnauthorized: true,
      ...(ca && { ca: typeof ca === "string" ? ca : [...ca] }),
      ...(servername && { servername }),
    },
    pool: true,
    maxConnections: options.concurrency ?? 5,
    // Core retries a mail after a lost connection. The pool must not retry, because core would not know of it.
    maxRequeues: 0,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return { sendMail: (mail: SmtpMail) => transport.sendMail(mail as never), close: () => transport.close() };
};

/** Creates an error like those of nodemailer. */
const smtpError = (message: string, code: string): Error => Object.assign(new Error(message), { code });

/** Creates a transport that sends mails by SMTP. @throws {ConfigError} CONFIG_INVALID, which names the option. */
export const smtpTransport = (options: SmtpTransportOptions): EmailTransport => {
  checkSmtp(options);
  const client = lazyClient<SmtpTransporter, Awaited<ReturnType<typeof makeTransporter>>>(
    options.transporter,
    () => makeTransporter(options),
    (made) => made.close(),
  );
  return {
    concurrency: options.concurrency ?? 5,
    classify: classifySmtp,
    send: async ({ mail, recipient, raw }, signal) => {
      const transporter = await client.get();
      const envelope = { from: mail.from.address, to: [recipient], size: raw.length };
      const sending = transporter.sendMail({ envelope, raw, signal });
      // A user's own transporter may ignore the signal.
      const sent = await untilAborted(sending, signal, () => smtpError("aborted", "EABORT"));
      const { rejected = [], rejectedErrors } = sent ?? {};
      // Nodemailer throws if the only recipient is rejected, but other transporters may return the rejection.
      if (rejected.length > 0) throw rejectedErrors?.[0] ?? smtpError("rejected", "EENVELOPE");
    },
    prepare: async () => void (await client.get()),
    close: client.close,
  };
};
