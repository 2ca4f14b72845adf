// The conformance kit's rig for SES, which is aws-ses-v2-local behind a proxy that injects faults.

import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { SESv2 } from "@aws-sdk/client-sesv2";
import type { AppendRig, Fault } from "@sluice/testing";
import sesLocal from "aws-ses-v2-local";
import { type EmailMessage, emailSink, type SesTransportOptions, sesTransport } from "../../src/index.ts";
import { members, recipientOf, toMessage } from "./smtp-rig.ts";

const secretAccessKey = "secret-77aa";

/** A mail as the emulator stores it. */
export interface StoredMail {
  readonly from: string;
  readonly destination: {
    readonly to: readonly string[];
    readonly cc: readonly string[];
    readonly bcc: readonly string[];
  };
  readonly subject: string;
  readonly body: { readonly text?: string; readonly html?: string };
  readonly headers?: readonly { readonly name: string; readonly value: string }[];
}

type ProxyAnswer = "pass" | "pass-and-drop" | "hang" | readonly [status: number, name: string, text: string];

/** The emulator of SES and its proxy. */
export interface LocalSes {
  readonly client: SESv2;
  /** The bodies of SendEmail requests, in the order of their arrival. */
  readonly received: readonly { readonly [member: string]: unknown }[];
  readonly requests: () => number;
  /** Sets the function that returns the answer to a request. Its argument is the JSON text of the request's body. */
  readonly setAnswer: (answer: (body: string) => ProxyAnswer) => void;
  readonly stored: () => Promise<readonly StoredMail[]>;
  readonly closeIdle: () => void;
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const textOf = async (message: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

const sendError = (response: ServerResponse, [status, name, text]: readonly [number, string, string]): void => {
  response.writeHead(status, { "content-type": "application/json", "x-amzn-errortype": name });
  response.end(JSON.stringify({ message: text }));
};

/** Forwards a request to the emulator. Resolves with the status and the body of the answer. */
const forward = async (upstreamPort: number, from: IncomingMessage, body: string): Promise<[number, string]> => {
  const { method, url, headers } = from;
  const upstream = request({ host: "127.0.0.1", port: upstreamPort, method, path: url, headers });
  upstream.end(body);
  const [answer] = (await once(upstream, "response")) as [IncomingMessage];
  return [answer.statusCode ?? 0, await textOf(answer)];
};

/** Starts the emulator and its proxy. */
export const openSes = async (): Promise<LocalSes> => {
  const emulator = await sesLocal.default({ host: "127.0.0.1", port: 0 });
  const upstreamPort = (emulator.address() as AddressInfo).port;
  const received: { readonly [member: string]: unknown }[] = [];
  let requests = 0;
  let answerTo: (body: string) => ProxyAnswer = () => "pass";

  const listener = async (from: IncomingMessage, response: ServerResponse): Promise<void> => {
    requests += 1;
    const body = await textOf(from);
    const answer = answerTo(body);
    if (answer === "hang") return;
    if (typeof answer !== "string") return sendError(response, answer);
    const [status, text] = await forward(upstreamPort, from, body);
    if (status < 300) received.push(JSON.parse(body));
    if (answer === "pass-and-drop") response.destroy();
    else response.writeHead(status, { "content-type": "application/json" }).end(text);
  };
  const proxy = createServer((from, response) => {
    listener(from, response).catch(() => response.destroy());
  });
  const start = async (port: number): Promise<number> => {
    proxy.listen(port, "127.0.0.1");
    await once(proxy, "listening");
    return (proxy.address() as AddressInfo).port;
  };
  const stop = async (): Promise<void> => {
    if (!proxy.listening) return;
    const closed = once(proxy, "close");
    proxy.close();
    proxy.closeAllConnections();
    await closed;
  };
  const port = await start(0);
  // All emulators of a process share one store, so the store may contain mails of an earlier test.
  await fetch(`http://127.0.0.1:${upstreamPort}/clear-store`, { method: "POST" });
  const client = new SESv2({
    region: "us-east-1",
    endpoint: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId: "local", secretAccessKey },
    maxAttempts: 1,
  });
  return {
    client,
    received,
    requests: () => requests,
    setAnswer: (next) => {
      answerTo = next;
    },
    stored: async () => {
      const response = await fetch(`http://127.0.0.1:${upstreamPort}/store`);
      return ((await response.json()) as { readonly emails: readonly StoredMail[] }).emails;
    },
    closeIdle: () => proxy.closeIdleConnections(),
    stop,
    start: async () => {
      if (!proxy.listening) await start(port);
    },
    close: async () => {
      client.destroy();
      await stop();
      const closed = once(emulator, "close");
      emulator.close();
      emulator.closeAllConnections();
      await closed;
    },
  };
};

const answers: Readonly<Record<Exclude<Fault["kind"], "down" | "close-idle">, ProxyAnswer>> = {
  throttle: [429, "TooManyRequestsException", "Maximum sending rate exceeded."],
  "throttle-one": [429, "TooManyRequestsException", "Maximum sending rate exceeded."],
  refuse: [400, "MessageRejected", "Email address is not verified: confidential-7f3a@example.com"],
  deny: [403, "AccessDeniedException", "not authorized to perform: ses:SendEmail"],
  hang: "hang",
  "drop-after-send": "pass-and-drop",
};

/** Reads the idempotency key from the sink's own header, because SES and the emulator replace the Message-ID. */
const messageOf = ({ destination, subject, body, headers = [] }: StoredMail) => ({
  message: { to: destination.to[0], subject, text: (body.text ?? "").trimEnd() },
  idempotencyKey: headers.find(({ name }) => name === "Idempotency-Key")?.value ?? "",
});

export const openSesRig = async (options: SesTransportOptions = {}): Promise<AppendRig<EmailMessage>> => {
  const local = await openSes();
  return {
    sink: emailSink({ transport: sesTransport({ client: local.client, ...options }), from: "shop@example.com" }),
    toMessage,
    read: async () => (await local.stored()).map(messageOf),
    requests: local.requests,
    fail: async (fault) => {
      if (fault.kind === "down") return local.stop();
      if (fault.kind === "close-idle") return local.closeIdle();
      const answer = answers[fault.kind];
      const recipient = "change" in fault ? recipientOf(fault.change) : "";
      return local.setAnswer((body) => (body.includes(recipient) ? answer : "pass"));
    },
    endFault: async () => {
      local.setAnswer(() => "pass");
      await local.start();
    },
    close: local.close,
    secrets: [secretAccessKey],
    members,
  };
};
