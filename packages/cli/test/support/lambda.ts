// An HTTP endpoint that answers Lambda's Invoke requests by calling handlers in this process.

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** An invocation: its event, the size of the event's JSON, and the signature of the HTTP request. */
export interface Invocation {
  readonly event: RedriveEvent;
  readonly bytes: number;
  readonly authorization: string;
}

export interface FakeLambda {
  /** Environment variables with which an SDK client sends its requests to this endpoint. */
  readonly env: NodeJS.ProcessEnv;
  readonly invocations: readonly Invocation[];
  readonly stop: () => Promise<void>;
}

/** The event of a redrive. */
export interface RedriveEvent {
  readonly sluice: { readonly task: string; readonly dryRun?: boolean };
  readonly Records: readonly { readonly messageId: string; readonly body: string }[];
}

export type FakeFunction = (event: RedriveEvent) => Promise<unknown>;

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
};

/**
 * Serves functions by name. To fail, a function rejects with `{ errorType, errorMessage }`. If the error has a
 * `status`, Lambda refuses the invocation instead.
 */
export const startLambda = async (functions: Readonly<Record<string, FakeFunction>>): Promise<FakeLambda> => {
  const invocations: Invocation[] = [];
  const server = createServer(async (request, response) => {
    const [, name = ""] = /\/functions\/([^/]+)\/invocations/.exec(decodeURIComponent(request.url ?? "")) ?? [];
    const body = await bodyOf(request);
    const run = functions[name];
    if (run === undefined) {
      response.writeHead(404, { "x-amzn-errortype": "ResourceNotFoundException", "content-type": "application/json" });
      response.end(JSON.stringify({ Message: `Function not found: ${name}` }));
      return;
    }
    const event = JSON.parse(body) as RedriveEvent;
    const { authorization = "" } = request.headers;
    invocations.push({ event, bytes: Buffer.byteLength(body), authorization });
    try {
      const answer = await run(event);
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer ?? null));
    } catch (error) {
      const { status, ...body } = error as { readonly status?: number; readonly errorType: string };
      const header = status === undefined ? "x-amz-function-error" : "x-amzn-errortype";
      response.writeHead(status ?? 200, { [header]: body.errorType }).end(JSON.stringify(body));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    env: { AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${port}` },
    invocations,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
