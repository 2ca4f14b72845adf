// An HTTP proxy between the sink and DynamoDB Local, which counts calls and injects faults.

import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Fault } from "@sluice/testing";

/** An answer that the proxy sends instead of the engine. */
export interface ProxyAnswer {
  readonly status: number;
  /** The error's name, which is the part of DynamoDB's `__type` after `#`. */
  readonly type: string;
  readonly message?: string;
}

/** Returns the fault of a call, or undefined to forward the call to the engine. */
export type Script = (operation: string, body: string) => ProxyAnswer | "drop-after-send" | "hang" | undefined;

/** A running proxy. */
export interface FaultyProxy {
  readonly endpoint: string;
  /** Number of calls by operation since the last `reset`, including calls without an answer. */
  readonly calls: () => Readonly<Record<string, number>>;
  /** Largest number of calls in flight at once since the last `reset`. */
  readonly peak: () => number;
  readonly script: (script: Script | undefined) => void;
  /** Closes idle connections. */
  readonly closeIdle: () => void;
  readonly reset: () => void;
  readonly stop: () => Promise<void>;
}

const bodyOf = async (message: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

const reply = (response: ServerResponse, { status, type, message = "" }: ProxyAnswer): void => {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.0" });
  response.end(JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message }));
};

/** Forwards a call to the engine. Then sends the engine's answer back, or closes the connection without an answer. */
const forward = (
  target: string,
  incoming: IncomingMessage,
  body: string,
  response: ServerResponse,
  isLost: boolean,
) => {
  const { host: _, ...headers } = incoming.headers;
  const outgoing = request(target, { method: "POST", headers }, (answer) => {
    if (isLost) {
      answer.resume();
      answer.on("end", () => response.socket?.destroy());
      return;
    }
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  });
  outgoing.on("error", () => response.socket?.destroy());
  outgoing.end(body);
};

/** Starts a proxy in front of this endpoint. */
export const startFaultyProxy = async (target: string): Promise<FaultyProxy> => {
  let script: Script | undefined;
  let calls: Record<string, number> = {};
  let [running, peak] = [0, 0];
  const sockets = new Set<Socket>();
  const busy = new Set<Socket>();

  const server = createServer((incoming, response) => {
    const operation = String(incoming.headers["x-amz-target"]).split(".")[1] ?? "";
    calls[operation] = (calls[operation] ?? 0) + 1;
    running += 1;
    peak = Math.max(peak, running);
    busy.add(incoming.socket);
    response.on("close", () => {
      running -= 1;
      busy.delete(incoming.socket);
    });
    bodyOf(incoming).then(
      (body) => {
        const fault = script?.(operation, body);
        if (fault === "hang") return;
        if (typeof fault === "object") reply(response, fault);
        else forward(target, incoming, body, response, fault === "drop-after-send");
      },
      () => incoming.socket.destroy(),
    );
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => ({ ...calls }),
    peak: () => peak,
    script: (next) => {
      script = next;
    },
    closeIdle: () => {
      for (const socket of sockets) if (!busy.has(socket)) socket.destroy();
    },
    reset: () => {
      script = undefined;
      calls = {};
      peak = 0;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

const throttled: ProxyAnswer = { status: 400, type: "ProvisionedThroughputExceededException", message: "slow down" };
const down: ProxyAnswer = { status: 503, type: "ServiceUnavailable", message: "not now" };
const denied: ProxyAnswer = { status: 400, type: "AccessDeniedException", message: "no such permission" };

/** A validation error. Its text quotes values, as in DynamoDB. */
const refused = (body: string): ProxyAnswer => ({
  status: 400,
  type: "ValidationException",
  message: `bad value: ${body}`,
});

/** The script for a fault of the conformance kit. `close-idle` is not a script: the rig calls `closeIdle`. */
export const scriptOf = (fault: Fault): Script => {
  const answers: Readonly<Record<Fault["kind"], (body: string) => ReturnType<Script>>> = {
    "close-idle": () => undefined,
    throttle: () => throttled,
    "throttle-one": () => throttled,
    refuse: refused,
    down: () => down,
    deny: () => denied,
    "drop-after-send": () => "drop-after-send",
    hang: () => "hang",
  };
  return (operation, body) => {
    const isHit = !("change" in fault) || (operation !== "DescribeTable" && body.includes(fault.change.version));
    return isHit ? answers[fault.kind](body) : undefined;
  };
};
