// Stands between the command and an engine of AWS: forwards requests, notes their actions as IAM names them, and refuses
// those that a test denies.

import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** A recorder. */
export interface Recorder {
  readonly endpoint: string;
  /** The actions so far: `sqs:ReceiveMessage`. */
  readonly actions: Set<string>;
  /** From now on, these actions end with AccessDeniedException. */
  readonly denied: Set<string>;
  readonly close: () => Promise<void>;
}

const services: Readonly<Record<string, string>> = {
  AmazonSQS: "sqs",
  DynamoDB_20120810: "dynamodb",
  DynamoDBStreams_20120810: "dynamodb",
  Logs_20140328: "logs",
  GraniteServiceVersion20100801: "cloudwatch",
};

const lambdaPaths: readonly (readonly [RegExp, string])[] = [
  [/\/functions\/[^/]+\/configuration/, "lambda:GetFunctionConfiguration"],
  [/\/functions\/[^/]+\/concurrency/, "lambda:GetFunctionConcurrency"],
  [/\/functions\/[^/]+\/aliases/, "lambda:ListAliases"],
  [/\/functions\/[^/]+\/invocations/, "lambda:InvokeFunction"],
  [/\/event-source-mappings/, "lambda:ListEventSourceMappings"],
];

const actionOf = ({ headers, url = "" }: IncomingMessage, body: Buffer): string => {
  const [target = "", operation] = String(headers["x-amz-target"] ?? "").split(".");
  if (operation !== undefined) return `${services[target] ?? target}:${operation}`;
  const [, service = "", name] = /\/service\/(\w+)\/operation\/(\w+)/.exec(url) ?? [];
  if (name !== undefined) return `${services[service] ?? service}:${name}`;
  const lambda = lambdaPaths.find(([pattern]) => pattern.test(decodeURIComponent(url)));
  if (lambda !== undefined) return lambda[1];
  const [, form] = /(?:^|&)Action=(\w+)/.exec(body.toString("latin1")) ?? [];
  const [, scope = "unknown"] = /Credential=[^/]+\/\d+\/[^/]+\/([\w-]+)\//.exec(headers.authorization ?? "") ?? [];
  return `${scope === "monitoring" ? "cloudwatch" : scope}:${form ?? url}`;
};

const isText = (type: string | undefined): boolean => !/cbor|octet/.test(type ?? "");

const replaced = (body: Buffer, type: string | undefined, from: string, to: string): Buffer =>
  isText(type) ? Buffer.from(body.toString().replaceAll(from, to)) : body;

const deny = (response: ServerResponse): void => {
  const type = "AccessDeniedException";
  const headers = { "content-type": "application/x-amz-json-1.0", "x-amzn-errortype": type };
  response.writeHead(403, headers).end(JSON.stringify({ __type: type, message: "not authorized" }));
};

/** Starts a recorder before an engine. Addresses of queues in answers lead to the recorder. */
export const startRecorder = async (engine: string): Promise<Recorder> => {
  const { host: engineHost, hostname, port } = new URL(engine);
  const actions = new Set<string>();
  const denied = new Set<string>();
  let ownHost = "";
  const forward = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(incoming);
    const action = actionOf(incoming, body);
    actions.add(action);
    if (denied.has(action)) return deny(response);
    const sent = replaced(body, incoming.headers["content-type"], ownHost, engineHost);
    const headers = { ...incoming.headers, host: engineHost, "content-length": String(sent.length) };
    const { method, url } = incoming;
    const out = request({ hostname, port, method, path: url, headers }).end(sent);
    const [answer] = (await once(out, "response")) as [IncomingMessage];
    const found = replaced(await buffer(answer), answer.headers["content-type"], engineHost, ownHost);
    const { "transfer-encoding": _, "x-amz-crc32": __, ...rest } = answer.headers;
    response.writeHead(answer.statusCode ?? 500, { ...rest, "content-length": String(found.length) }).end(found);
  };
  const server = createServer((incoming, response) => {
    forward(incoming, response).catch(() => response.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  ownHost = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    endpoint: `http://${ownHost}`,
    actions,
    denied,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
};
