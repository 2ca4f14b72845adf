// Sends an e-mail to a local SMTP server for each change of a highly rated film.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { emailSink, smtpTransport } from "@sluice/sink-email";
import { SMTPServer } from "smtp-server";
import { type Feed, filmChange, type ReceivedChange } from "./feed.ts";
import type { Interest } from "./interest.ts";

const interest: Interest = { attribute: "Rotten Tomatoes Rating", atLeast: 95 };

/** A long timeout, because a busy machine may be slow, and after a timeout the mail would be sent again. */
const timeoutMs = 120_000;

/** Returns the value of a header. A header may continue on the next line. */
const header = (raw: string, name: string): string => {
  const [head = ""] = raw.split("\r\n\r\n", 1);
  const lines = head.replace(/\r\n[ \t]+/g, " ").split("\r\n");
  const found = lines.find((line) => line.toLowerCase().startsWith(`${name}:`)) ?? "";
  return found.slice(name.length + 1).trim();
};

const arrivalOf = (raw: string): ReceivedChange => ({
  idempotencyKey: header(raw, "idempotency-key"),
  version: header(raw, "sluice-version"),
  filmId: header(raw, "film-id"),
  kind: header(raw, "film-change"),
});

const mailServer = (taken: ReceivedChange[]): SMTPServer =>
  new SMTPServer({
    disabledCommands: ["STARTTLS", "AUTH"],
    disableReverseLookup: true,
    logger: false,
    closeTimeout: 1,
    onData: (stream, _session, callback) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        taken.push(arrivalOf(Buffer.concat(chunks).toString()));
        callback(null);
      });
    },
  });

/** Opens the feed, and starts a mail server for it. */
export const emailFeed = async (): Promise<Feed> => {
  const taken: ReceivedChange[] = [];
  const server = mailServer(taken);
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  const { port } = server.server.address() as AddressInfo;
  const sink = emailSink({
    transport: smtpTransport({ host: "127.0.0.1", port, timeoutMs }),
    from: "films@example.com",
  });
  return {
    name: sink.name,
    about: `e-mails about films with ${interest.attribute} from ${interest.atLeast}; a lease in DynamoDB prevents duplicates`,
    interest,
    addTo: (pipeline, { unreliable }) =>
      pipeline.to(
        unreliable(sink),
        (change) => {
          const film = filmChange(change, interest);
          if (film === undefined) return undefined;
          const headers = { "Film-Id": film.filmId, "Film-Change": film.kind };
          return { to: "critic@example.com", subject: `${film.title}: ${film.kind}`, text: film.title, headers };
        },
        { dedupe: "always" },
      ),
    received: async () => taken,
    close: async () => {
      await sink.close?.();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};
