// SMTP by nodemailer: one transaction for each recipient, over a few connections that are kept.

import { isIP } from "node:net";
import { checkText, checkWhole, invalidOption, lazyClient, missingDependency } from "@sluice/core/sink-kit";
import { classifySmtp } from "../classify.ts";
import type { EmailTransport } from "./transport.ts";

/** What the sink gives a transporter: bytes, and where they go. */
export interface SmtpMail {
  readonly envelope: { from: string; to: string[]; size: number };
  readonly raw: Buffer;
  /** Nodemailer ends the transaction when it aborts. */
  readonly signal: AbortSignal;
}

/** A transporter of nodemailer, 10.5 or newer: yours fits as it is. */
export interface SmtpTransporter {
  readonly sendMail: (mail: SmtpMail) => Promise<SmtpSent>;
}

/** What a transporter may say of a mail that it sent: refusals that it did not throw. */
export interface SmtpSent {
  readonly rejected?: readonly unknown[] | undefined;
  readonly rejectedErrors?: readonly unknown[] | undefined;
}

/** Options of `smtp`. Either `transporter`, which is never closed, or `host`. */
export interface SmtpTransportOptions {
  readonly transporter?: SmtpTransporter;
  readonly host?: string;
  /** Default 587; 465 with `secure`. */
  readonly port?: number;
  /** TLS from the first byte. Default false: STARTTLS, which is demanded unless the server is this machine. */
  readonly secure?: boolean;
  readonly auth?: { readonly user: string; readonly pass: string };
  /** Authorities to trust instead of the well-known ones. The server's certificate is always verified. */
  readonly tls?: { readonly ca?: string | readonly string[]; readonly servername?: string };
  /** For the connection, the greeting and each reply. Default 10,000. */
  readonly timeoutMs?: number;
  /** Connections, and mails at once, in each environment. Default 5. */
  readonly concurrency?: number;
}

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;

const checkSmtp = (options: SmtpTransportOptions): void => {
  const { transporter, host, port, auth, tls = {}, timeoutMs = 1, concurrency = 1 } = options;
  if ((transporter === undefined) === (host === undefined)) {
    throw invalidOption("host", 'or option "transporter" must be given, and not both');
  }
  if (transporter !== undefined && typeof transporter.sendMail !== "function") {
    throw invalidOption("transporter", "must be a transporter of nodemailer");
  }
  if (host !== undefined) checkText("host", host);
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536))
    throw invalidOption("port", "must be a port");
  if (auth !== undefined) for (const part of ["user", "pass"] as const) checkText(`auth.${part}`, auth[part]);
  if ("rejectUnauthorized" in tls)
    throw invalidOption("tls", "must not switch verification off; give the authority as tls.ca");
  checkWhole("timeoutMs", timeoutMs, [1, 2 ** 31 - 1]);
  checkWhole("concurrency", concurrency, [1, 1_000]);
};

const makeTransporter = async (options: SmtpTransportOptions) => {
  const { createTransport } = await import("nodemailer").catch(missingDependency("smtp", "nodemailer"));
  const { host = "", secure = false, port = secure ? 465 : 587, auth, tls = {}, timeoutMs = 10_000 } = options;
  const { ca, servername = isIP(host) === 0 ? host : undefined } = tls;
  const transport = createTransport({
    host,
    port,
    secure,
    requireTLS: !secure && !loopback.test(host),
    ...(auth && { auth: { ...auth } }),
    tls: {
      rejectUnauthorized: true,
      ...(ca && { ca: typeof ca === "string" ? ca : [...ca] }),
      ...(servername && { servername }),
    },
    pool: true,
    maxConnections: options.concurrency ?? 5,
    // A mail whose connection was lost is core's to repeat: the pool would do so unseen, past the invocation's end.
    maxRequeues: 0,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return { sendMail: (mail: SmtpMail) => transport.sendMail(mail as never), destroy: () => transport.close() };
};

/** Rejects as soon as the signal aborts: a transporter of the user's may know no signals. */
const untilAborted = <Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> =>
  new Promise((resolve, reject) => {
    const abort = (): void => reject(Object.assign(new Error("aborted"), { code: "EABORT" }));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });

/**
 * Mail by SMTP.
 * @throws {ConfigError} CONFIG_INVALID when an option is wrong.
 */
export const smtpTransport = (options: SmtpTransportOptions): EmailTransport => {
  checkSmtp(options);
  const client = lazyClient<SmtpTransporter>(options.transporter, () => makeTransporter(options));
  return {
    concurrency: options.concurrency ?? 5,
    classify: classifySmtp,
    send: async ({ mail, recipient, raw }, signal) => {
      const transporter = await client.get();
      const envelope = { from: mail.from.address, to: [recipient], size: raw.length };
      const { rejected = [], rejectedErrors } =
        (await untilAborted(transporter.sendMail({ envelope, raw, signal }), signal)) ?? {};
      // With one recipient a refusal is thrown; transporters that are no SMTP may say it this way.
      if (rejected.length > 0) throw rejectedErrors?.[0] ?? Object.assign(new Error("refused"), { code: "EENVELOPE" });
    },
    close: client.close,
  };
};
