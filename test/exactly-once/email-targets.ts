// Two mail servers in this process as targets: an emulator of SES, and an SMTP server. The subject of a mail contains
// the item and the revision of the change.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SESv2 } from "@aws-sdk/client-sesv2";
import {
  type EmailMessage,
  emailSink,
  type SesClient,
  type SmtpTransporter,
  sesTransport,
  smtpTransport,
} from "@sluice/sink-email";
import sesLocal from "aws-ses-v2-local";
import { createTransport } from "nodemailer";
import { SMTPServer } from "smtp-server";
import type { Environment } from "./faulty-environments.ts";
import { type Arrival, arrivalOfName, nameOf, type Target } from "./run.ts";

const mailTo =
  (...to: readonly string[]) =>
  (arrival: Arrival): EmailMessage => ({ from: "shop@example.com", to, subject: nameOf(arrival), text: "Hi" });

/** Sends one mail, unless the plan of the environment makes the request fail. */
const request = async <Answer>(
  environment: Environment,
  send: () => Promise<Answer>,
  { throttled, denied }: { readonly throttled: () => Error; readonly denied: () => Error },
): Promise<Answer> => {
  let answer: Answer | undefined;
  const accepted = await environment.request(1, async (isFailing) => {
    if (!isFailing(0)) answer = await send();
  });
  if (accepted === "throttled") throw throttled();
  if (!accepted[0]) throw denied();
  return answer as Answer;
};

const sesError = (name: string, httpStatusCode: number): Error =>
  Object.assign(new Error(name), { name, $metadata: { httpStatusCode } });

const sesFailures = {
  throttled: () => sesError("TooManyRequestsException", 429),
  denied: () => sesError("AccessDeniedException", 403),
};

/** Opens a target that uses aws-ses-v2-local, an emulator of SES. */
export const sesTarget = async (): Promise<Target> => {
  const emulator = await sesLocal.default({ host: "127.0.0.1", port: 0 });
  const endpoint = `http://127.0.0.1:${(emulator.address() as AddressInfo).port}`;
  // All emulators in a process share one store. This request removes the mails that earlier emulators have stored.
  await fetch(`${endpoint}/clear-store`, { method: "POST" });
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const mailer = new SESv2({ region: "us-east-1", endpoint, credentials, maxAttempts: 1 });
  return {
    toMessage: mailTo("ada@example.com"),
    sink: (environment) => {
      const client: SesClient = {
        sendEmail: (input, options) => request(environment, () => mailer.sendEmail(input, options), sesFailures),
      };
      return emailSink({ transport: sesTransport({ client, concurrency: 1 }) }) as never;
    },
    arrived: async () => {
      const store = (await (await fetch(`${endpoint}/store`)).json()) as { emails: { subject: string }[] };
      return store.emails.map(({ subject }) => arrivalOfName(subject));
    },
    close: async () => {
      mailer.destroy();
      const closed = once(emulator, "close");
      emulator.close();
      emulator.closeAllConnections();
      await closed;
    },
  };
};

const reply = (responseCode: number, command: string): Error =>
  Object.assign(new Error(String(responseCode)), { responseCode, command, response: String(responseCode) });

const smtpFailures = { throttled: () => reply(451, "RCPT TO"), denied: () => reply(530, "MAIL FROM") };

const subjectOf = (raw: string): string => /^Subject: (.*)\r$/m.exec(raw)?.[1] ?? "";

/** Returns the arrival for one recipient. For each recipient the mails must arrive in the order of the changes. */
const copyFor = ({ item, revision }: Arrival, recipient: string): Arrival => ({
  item: `${item} to ${recipient}`,
  revision,
});

/** Opens a target with an SMTP server that accepts every mail. Each change causes one mail to all these recipients. */
export const smtpTarget = async (...recipients: readonly string[]): Promise<Target> => {
  const arrived: Arrival[] = [];
  const server = new SMTPServer({
    disabledCommands: ["STARTTLS", "AUTH"],
    disableReverseLookup: true,
    logger: false,
    closeTimeout: 1,
    onData: (stream, { envelope }, callback) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const change = arrivalOfName(subjectOf(Buffer.concat(chunks).toString()));
        for (const { address } of envelope.rcptTo) arrived.push(copyFor(change, address));
        callback(null);
      });
    },
  });
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  const { port } = server.server.address() as AddressInfo;
  const mailer = createTransport({ host: "127.0.0.1", port, pool: true, maxConnections: 8, maxMessages: 100_000 });
  return {
    toMessage: mailTo(...recipients),
    copiesOf: (arrival) => recipients.map((recipient) => copyFor(arrival, recipient)),
    sink: (environment, dedupeStore) => {
      const transporter: SmtpTransporter = {
        sendMail: (mail) => request(environment, () => mailer.sendMail(mail as never), smtpFailures),
      };
      return emailSink({ transport: smtpTransport({ transporter, concurrency: 1 }), dedupeStore }) as never;
    },
    arrived: async () => arrived,
    close: async () => {
      mailer.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};
