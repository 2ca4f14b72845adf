// An HTTP proxy in front of a real server. The proxy injects faults, because a test cannot make the server fail.

import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Fault } from "@sluice/testing";
import { documentId } from "../../src/write/document-id.ts";

/** A whole answer that the proxy sends instead of the server's answer. */
export interface FixedAnswer {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
}

/** A running proxy. */
export interface FaultProxy {
  readonly url: string;
  /** Number of bulk requests so far. */
  readonly requests: () => number;
  /** Bodies of the bulk requests so far. */
  readonly bodies: () => readonly string[];
  readonly fail: (fault: Fault) => void;
  /** Sets the function that returns the answer to a bulk request, or undefined to forward the request. */
  readonly answerWith: (answer: (body: string) => FixedAnswer | undefined) => void;
  /** From now on, the proxy answers requests for this path with `answer`. Bulk requests are not affected. */
  readonly answerTo: (path: string, answer: FixedAnswer) => void;
  readonly endFault: () => void;
  readonly close: () => Promise<void>;
}

const bodyOf = async (incoming: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

interface Forwarded {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

type Forward = (body: string) => Promise<Forwarded>;

const forward = (target: string, incoming: IncomingMessage, body: string): Promise<Forwarded> =>
  new Promise((resolve, reject) => {
    const headers = { "content-type": incoming.headers["content-type"] ?? "application/json" };
    const outgoing = request(`${target}${incoming.url}`, { method: incoming.method ?? "GET", headers }, (answer) => {
      bodyOf(answer).then((text) => {
        resolve({ status: answer.statusCode ?? 500, type: answer.headers["content-type"] ?? "", body: text });
      }, reject);
    });
    outgoing.on("error", reject).end(body);
  });

const error = (type: string): string => JSON.stringify({ error: { type, reason: "confidential-7f3a" } });

const wholeAnswers: { readonly [kind in Fault["kind"]]?: FixedAnswer } = {
  throttle: { status: 429, body: error("rejected_execution_exception") },
  down: { status: 503, body: "<html>Service Unavailable</html>", type: "text/html" },
  deny: { status: 403, body: error("security_exception") },
};

interface Item {
  readonly status: number;
  readonly error: { readonly type: string; readonly reason: string };
}

const itemAnswers: { readonly [kind in Fault["kind"]]?: Item } = {
  refuse: {
    status: 400,
    error: {
      type: "mapper_parsing_exception",
      reason: "failed to parse field [note] of type [long]. Preview of field's value: 'confidential-7f3a'",
    },
  },
  "throttle-one": { status: 429, error: { type: "rejected_execution_exception", reason: "confidential-7f3a" } },
};

/** Splits the body into entries of two lines. */
const entriesOf = (body: string): string[] => body.match(/.*\n.*\n/g) ?? [];

/** Forwards all entries except the entry of the fault's change. For that entry, the proxy adds its own result. */
const withoutOne = async (
  fault: Fault & { readonly kind: "refuse" | "throttle-one" },
  body: string,
  send: Forward,
): Promise<Forwarded> => {
  const entries = entriesOf(body);
  const idText = JSON.stringify(documentId(fault.change.keys).id);
  const at = entries.findIndex((entry) => entry.split("\n", 1)[0]?.includes(`"_id":${idText}`));
  if (at < 0) return send(body);
  const action = entries[at]?.slice(2, 8) ?? "";
  const others = entries.filter((_, index) => index !== at);
  const { body: text } = others.length === 0 ? { body: '{"items":[]}' } : await send(others.join(""));
  const { items } = JSON.parse(text) as { items: unknown[] };
  const all = [...items.slice(0, at), { [action]: itemAnswers[fault.kind] }, ...items.slice(at)];
  return { status: 200, type: "application/json", body: JSON.stringify({ errors: true, items: all }) };
};

const reply = (outgoing: ServerResponse, { status, body, type = "application/json" }: FixedAnswer): void => {
  outgoing.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) }).end(body);
};

const listen = async (server: Server): Promise<string> => {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** Starts a proxy in front of the server at this URL. */
export const startFaultProxy = async (target: string): Promise<FaultProxy> => {
  const sockets = new Set<Socket>();
  const bodies: string[] = [];
  let fault: Fault | undefined;
  let fixed: (body: string) => FixedAnswer | undefined = () => undefined;
  const byPath = new Map<string, FixedAnswer>();

  const answerBulk = async (body: string, outgoing: ServerResponse, send: Forward): Promise<void> => {
    bodies.push(body);
    const whole = fixed(body) ?? wholeAnswers[fault?.kind ?? "hang"];
    if (whole !== undefined) return reply(outgoing, whole);
    if (fault?.kind === "hang") return;
    if (fault?.kind === "refuse" || fault?.kind === "throttle-one") {
      return reply(outgoing, await withoutOne({ ...fault, kind: fault.kind }, body, send));
    }
    const forwarded = await send(body);
    if (fault?.kind === "drop-after-send") outgoing.socket?.destroy();
    else reply(outgoing, forwarded);
  };

  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { url = "" } = incoming;
    const body = await bodyOf(incoming);
    const send: Forward = (text) => forward(target, incoming, text);
    if (url.includes("/_bulk")) return answerBulk(body, outgoing, send);
    const isRead = /\/_(?:mget|search|refresh)\b/.test(url);
    if (isRead && fault?.kind === "hang") return;
    const unread = isRead && fault?.kind === "down" ? wholeAnswers.down : undefined;
    reply(outgoing, unread ?? byPath.get(url) ?? (await send(body)));
  };

  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => outgoing.socket?.destroy());
  });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => undefined);
  });
  const url = await listen(server);
  return {
    url,
    requests: () => bodies.length,
    bodies: () => bodies,
    fail: (next) => {
      if (next.kind === "close-idle") for (const socket of sockets) socket.destroy();
      else fault = next;
    },
    answerWith: (next) => {
      fixed = next;
    },
    answerTo: (path, answer) => byPath.set(path, answer),
    endFault: () => {
      fault = undefined;
      fixed = () => undefined;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => {
        server.close(() => resolve());
      });
    },
  };
};
