// A mail for each change of a film that the critics love, to an SMTP server on loopback.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { emailSink, smtpTransport } from "@sluice/sink-email";
import { SMTPServer } from "smtp-server";
import { type Arrival, type Feed, filmChange, type Interest } from "./feed.ts";

const interest: Interest = { attribute: "Rotten Tomatoes Rating", atLeast: 95 };

/** An answer that comes too late is lost, and its mail is sent again: not on a busy machine. */
const timeoutMs = 120_000;

/** The value of a header; a long one stands on the line after its name. */
const header = (raw: string, name: string): string => {
  const [head = ""] = raw.split("\r\n\r\n", 1);
  const lines = head.replace(/\r\n[ \t]+/g, " ").split("\r\n");
  const found = lines.find((line) => line.toLowerCase().startsWith(`${name}:`)) ?? "";
  return found.slice(name.length + 1).trim();
};

const arrivalOf = (raw: string): Arrival => ({
  idempotencyKey: header(raw, "idempotency-key"),
  version: header(raw, "sluice-version"),
  filmId: header(raw, "film-id"),
  kind: header(raw, "film-change"),
});

const mailbox = (taken: Arrival[]): SMTPServer =>
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

/** Opens the feed with a mail server of its own. */
export const emailFeed = async (): Promise<Feed> => {
  const taken: Arrival[] = [];
  const server = mailbox(taken);
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  const { port } = server.server.address() as AddressInfo;
  const sink = emailSink({
    transport: smtpTransport({ host: "127.0.0.1", port, timeoutMs }),
    from: "films@example.com",
  });
  return {
    name: sink.name,
    about: `mails about films with ${interest.attribute} from ${interest.atLeast}; each claimed in DynamoDB first`,
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
