// An SMTP server on loopback whose replies a test controls.

import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from "smtp-server";

/** A mail that the server accepted. */
export interface TakenMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: string;
}

/** A reply that rejects a recipient or a mail. The text begins with the enhanced status code, for example 5.1.1. */
export type Reply = readonly [code: number, text: string];

/** The behaviour of the server. Default: accept every mail. */
export interface SmtpScript {
  /** Returns the reply to a recipient, or undefined to accept the recipient. */
  readonly recipient?: (address: string) => Reply | undefined;
  /** `drop` closes the connection at MAIL FROM. */
  readonly sender?: "drop";
  /** What the server does with a mail: accept, accept and close the connection, never reply, or reject. */
  readonly arrival?: "take" | "take-and-drop" | "hang" | Reply;
  readonly login?: "allow" | "deny";
}

export interface ScriptedSmtp {
  readonly port: number;
  readonly taken: readonly TakenMail[];
  /** Number of mail transactions so far. */
  readonly requests: () => number;
  readonly connections: () => number;
  readonly setScript: (script: SmtpScript) => void;
  /** Closes all connections at once. */
  readonly cut: () => void;
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
}

/** The login that the server accepts. */
export const login = { user: "sluice", pass: "secret-8c41" };

const errorOf = ([responseCode, message]: Reply): Error => Object.assign(new Error(message), { responseCode });

/** Starts a server. With the option `secure`, the server uses TLS from the first byte. */
export const openSmtp = async (options: SMTPServerOptions = {}): Promise<ScriptedSmtp> => {
  const taken: TakenMail[] = [];
  const sockets = new Set<Socket>();
  let script: SmtpScript = {};
  let requests = 0;
  let connections = 0;

  const arrive = (session: SMTPServerSession, raw: string, callback: (error?: Error | null) => void): void => {
    const { arrival = "take" } = script;
    if (arrival === "hang") return;
    if (typeof arrival !== "string") {
      callback(errorOf(arrival));
      return;
    }
    const { mailFrom, rcptTo } = session.envelope;
    taken.push({
      from: mailFrom === false ? "" : mailFrom.address,
      to: rcptTo.map(({ address }) => address),
      raw,
    });
    if (arrival === "take-and-drop") cut();
    else callback(null);
  };
  const serverOf = (): SMTPServer => {
    const server = new SMTPServer({
      disabledCommands: options.secure === true ? [] : ["STARTTLS"],
      authOptional: false,
      allowInsecureAuth: true,
      disableReverseLookup: true,
      logger: false,
      closeTimeout: 1,
      ...options,
      onAuth: (auth, _session, callback) => {
        const isKnown = auth.username === login.user && auth.password === login.pass && script.login !== "deny";
        if (isKnown) return callback(null, { user: login.user });
        return callback(errorOf([535, "5.7.8 no such user or password"]));
      },
      onMailFrom: (_address, _session, callback) => {
        requests += 1;
        if (script.sender === "drop") cut();
        else callback(null);
      },
      onRcptTo: ({ address }, _session, callback) => {
        const reply = script.recipient?.(address);
        callback(reply === undefined ? null : errorOf(reply));
      },
      onData: (stream, session, callback) => {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => arrive(session, Buffer.concat(chunks).toString(), callback));
      },
    });
    server.on("error", () => undefined);
    server.server.on("connection", (socket: Socket) => {
      connections += 1;
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    return server;
  };
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  let server: SMTPServer | undefined;
  const start = async (port: number): Promise<number> => {
    server = serverOf();
    server.listen(port, "127.0.0.1");
    await once(server.server, "listening");
    return (server.server.address() as AddressInfo).port;
  };
  const port = await start(0);
  return {
    port,
    taken,
    requests: () => requests,
    connections: () => connections,
    setScript: (next) => {
      script = next;
    },
    cut,
    stop: async () => {
      const stopping = server;
      server = undefined;
      if (stopping === undefined) return;
      const closed = new Promise<void>((resolve) => stopping.close(() => resolve()));
      cut();
      await closed;
    },
    start: async () => {
      if (server === undefined) await start(port);
    },
  };
};
