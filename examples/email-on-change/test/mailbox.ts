// A mail server for tests. It receives the mails to the customers.

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";

/** A mail that arrived. */
export interface Received {
  readonly to: string;
  readonly raw: string;
}

type Refusal = (address: string) => readonly [code: number, text: string] | undefined;

/** A mail server that keeps all mails that it receives. */
export interface Mailbox {
  /** Starts the server, and returns its port. */
  readonly start: () => Promise<number>;
  readonly stop: () => Promise<void>;
  readonly refuse: (refusal: Refusal) => void;
  /** Returns the mails that arrived since the last call of `take`. */
  readonly received: () => readonly Received[];
  /** Returns the mails that arrived since the last call, and removes them. */
  readonly take: () => readonly Received[];
}

/** Creates a mail server. Call `start` to start it. */
export const openMailbox = (): Mailbox => {
  let received: Received[] = [];
  let refusal: Refusal = () => undefined;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    disableReverseLookup: true,
    logger: false,
    closeTimeout: 1,
    onRcptTo: ({ address }, _session, callback) => {
      const [responseCode, text] = refusal(address) ?? [];
      callback(responseCode === undefined ? null : Object.assign(new Error(text), { responseCode }));
    },
    onData: (stream, { envelope }, callback) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const raw = Buffer.concat(chunks).toString();
        received.push(...envelope.rcptTo.map(({ address }) => ({ to: address, raw })));
        callback(null);
      });
    },
  });
  return {
    start: async () => {
      server.listen(0, "127.0.0.1");
      await once(server.server, "listening");
      return (server.server.address() as AddressInfo).port;
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
    refuse: (next) => {
      refusal = next;
    },
    received: () => received,
    take: () => {
      const taken = received;
      received = [];
      return taken;
    },
  };
};
