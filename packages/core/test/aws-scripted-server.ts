// A server of SQS that answers by a script, and a writer whose client sends to it.

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { SQS, type SQSClientConfig } from "@aws-sdk/client-sqs";
import { isTransient } from "../src/errors.ts";
import { awsRequestError } from "../src/sink/aws-error.ts";
import { awsRequestWriter } from "../src/sink/aws-request-writer.ts";
import { awsSigner, sha256 } from "../src/sink/aws-signature.ts";
import { answersById, type EntryAnswer, withIds } from "../src/sink/batch-request.ts";
import { awsClientDefaults } from "../src/sink/lazy-client.ts";

/** A request as it arrived. */
export interface Seen {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An answer. `reset` and `hang` begin an answer and do not end it; `drop` sends none. */
export type Script = Answer | "reset" | "hang" | "drop";

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const service = { name: "SQS", codes: { QueueDoesNotExist: "SINK_MISSING" } } as const;

export const secrets = { accessKeyId: "AKIDSECRET", secretAccessKey: "secret/key", sessionToken: "secret-token" };

export const entries = [
  {
    MessageBody: 'confidential é "😀" \u2028',
    MessageAttributes: { text: { DataType: "String", StringValue: "confidential ü" } },
  },
];

/** An answer that every entry was taken. */
export const taken: Answer = { status: 200, body: '{"Successful":[{"Id":"0","MessageId":"m"}]}' };

export const refusal = (type: string, status = 403, headers = {}): Script => ({
  status,
  headers,
  body: JSON.stringify({ __type: `com.amazonaws.sqs#${type}`, message: "confidential" }),
});

const answer = (script: Script, { socket }: IncomingMessage, response: ServerResponse): void => {
  if (script === "drop") socket.destroy();
  else if (typeof script === "string") {
    response.writeHead(200, { "content-length": "100" });
    response.write('{"Successful":[{"Id":"0"');
    if (script === "reset") setTimeout(() => socket.destroy(), 20);
  } else response.writeHead(script.status, { ...script.headers }).end(script.body);
};

/** Whether the SDK wrote the request. Our requests have no invocation id. */
export const isBySdk = ({ headers }: Seen): boolean => headers["amz-sdk-invocation-id"] !== undefined;

/** The signature that a request to SQS must have. */
export const signatureOf = ({ path, headers, body }: Seen, { accessKeyId, secretAccessKey } = secrets): string => {
  const [, names = ""] = /SignedHeaders=([^,]*)/.exec(headers.authorization ?? "") ?? [];
  const signed = Object.fromEntries(names.split(";").map((name) => [name, String(headers[name])]));
  const request = { path, headers: signed, bodyHash: sha256(body) };
  const sign = awsSigner("eu-central-1", "sqs");
  return sign(request, { accessKeyId, secretAccessKey }, String(headers["x-amz-date"]));
};

/** Creates the writer for a client, as the factory of the sinks does. */
export const writerOf = (client: SQS, QueueUrl: string) => {
  const own = awsRequestWriter<(typeof entries)[number]>(
    client,
    {
      body: (given) => JSON.stringify({ QueueUrl, Entries: withIds(given) }),
      takenIds: (received) => {
        const { Successful = [], Failed } = JSON.parse(received) as { Successful?: { Id: string }[]; Failed?: unknown };
        return Failed === undefined ? Successful.map(({ Id }) => Id) : undefined;
      },
    },
    async (given, options) =>
      answersById("q", service, await client.sendMessageBatch({ QueueUrl, Entries: withIds(given) }, options)),
    (error) => isTransient(awsRequestError("q", service, error).code),
  );
  return (abortSignal = new AbortController().signal): Promise<readonly EntryAnswer[]> => own(entries, { abortSignal });
};

/** Starts a server that answers by these scripts, and then that every entry was taken. */
export const startScripted = async (config: SQSClientConfig = {}, prefix = "") => {
  const seen: Seen[] = [];
  const scripts: Script[] = [];
  const server = createServer(async (request, response) => {
    seen.push({ path: request.url ?? "", headers: request.headers, body: await text(request) });
    answer(scripts.shift() ?? taken, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`;
  const common = { ...awsClientDefaults, region: "eu-central-1", credentials: secrets, md5: false as const };
  const client = new SQS({ ...common, endpoint, ...config });
  return {
    seen,
    endpoint,
    client,
    write: writerOf(client, `${endpoint}/1/q`),
    /** Adds answers. */
    script: (...more: readonly Script[]): void => void scripts.push(...more),
    close: (): void => {
      client.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
};
