// A mail server that delivers nothing: the inbox keeps the last mails.

import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { SMTPServer } from "smtp-server";
import type { Inbox } from "./received.ts";

/** A mail server. */
export interface SmtpReceiver {
  /** `smtp://127.0.0.1:2525` */
  readonly url: string;
  readonly stop: () => Promise<void>;
}

const subjectIn = (mail: string): string => /^Subject: (.*)$/m.exec(mail)?.[1]?.trim() ?? "";

/** Starts the server on a free port of 127.0.0.1. */
export const startSmtpReceiver = async (inbox: Inbox): Promise<SmtpReceiver> => {
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    disableReverseLookup: true,
    onAuth: (_auth, _session, done) => done(null, { user: "local" }),
    onData: (stream, { envelope }, done) => {
      const to = envelope.rcptTo.map(({ address }) => address).join(", ");
      text(stream).then(
        (mail) => {
          inbox.add({ what: `mail to ${to}: ${subjectIn(mail)}`, body: mail });
          done();
        },
        (error: Error) => done(error),
      );
    },
  });
  // A client that goes away is no error of the server.
  server.on("error", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
};
