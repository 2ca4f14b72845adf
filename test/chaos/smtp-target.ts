// A mail server as a target. The server is really stopped and started. A proxy makes replies slow, hanging or
// malformed.

import { once } from "node:events";
import type { Socket } from "node:net";
import { freePort, startTcpProxy, type TcpProxyMode } from "@sluice/local";
import { emailSink, smtpTransport } from "@sluice/sink-email";
import { SMTPServer } from "smtp-server";
import type { Arrival } from "./comparison.ts";
import { arrivalOf } from "./message.ts";
import type { ChaosTarget, Fault } from "./target.ts";

const arrivalIn = (raw: string): Arrival => JSON.parse(/\{.*\}/.exec(raw)?.[0] ?? "") as Arrival;

const serverOf = (received: Arrival[], sockets: Set<Socket>): SMTPServer => {
  const server = new SMTPServer({
    disabledCommands: ["STARTTLS", "AUTH"],
    disableReverseLookup: true,
    logger: false,
    closeTimeout: 1,
    onData: (stream, _session, callback) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        received.push(arrivalIn(Buffer.concat(chunks).toString()));
        callback(null);
      });
    },
  });
  server.on("error", () => undefined);
  server.server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  return server;
};

const modes: Readonly<Record<Exclude<Fault, "stop" | "restart">, TcpProxyMode>> = {
  slow: "slow",
  hang: "hang",
  garble: "garble",
};

/** Opens a target that has its own server. */
export const smtpTarget = async (): Promise<ChaosTarget> => {
  const received: Arrival[] = [];
  const sockets = new Set<Socket>();
  let server = serverOf(received, sockets);
  const port = await freePort();
  const start = async (): Promise<void> => {
    server = serverOf(received, sockets);
    server.listen(port, "127.0.0.1");
    await once(server.server, "listening");
  };
  const stop = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await start();
  const proxy = await startTcpProxy(`smtp://127.0.0.1:${port}`, { slowMs: 100 });
  const transport = smtpTransport({ host: "127.0.0.1", port: Number(new URL(proxy.url).port), timeoutMs: 1_000 });
  const sink = emailSink({ transport, from: "chaos@example.com" });
  return {
    name: sink.name,
    addTo: (pipeline, wrap) =>
      pipeline.to(wrap(sink), (change) => ({
        to: "ada@example.com",
        subject: change.kind,
        text: JSON.stringify(arrivalOf(change)),
      })),
    begin: async (fault) => {
      if (fault === "stop" || fault === "restart") await stop();
      else proxy.setMode(modes[fault], 3);
      if (fault === "restart") await start();
    },
    end: async (fault) => {
      if (fault === "stop") await start();
      proxy.setMode("pass");
    },
    read: async () => ({ kind: "arrivals", arrivals: received }),
    close: async () => {
      await sink.close?.();
      await proxy.stop();
      await stop();
    },
  };
};
