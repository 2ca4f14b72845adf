// The sink factory that SNS, SQS and EventBridge share: options, client, requests of up to ten entries, errors.

import { isTransient, type SinkError } from "../errors.ts";
import { type AwsService, awsRequestError } from "./aws-error.ts";
import { type AwsSend, type AwsWire, awsRequestWriter } from "./aws-request-writer.ts";
import { type EntryAnswer, type SizedEntry, writeInRequests } from "./batch-request.ts";
import { fifoDedupeMs } from "./fifo.ts";
import { type Destroyable, lazyClient, prepareAwsClient } from "./lazy-client.ts";
import { checkClient, checkText, checkWhole } from "./option.ts";
import type { AppendDelivery, Sink, SinkResource } from "./sink.ts";

/** Options that these sinks have in common. */
export interface AwsBatchOptions<Client> {
  /** Your own client. Default: the sink creates one, without retries, because core retries. */
  readonly client?: Client;
  /** Maximum number of requests in flight at once. Default 8. */
  readonly concurrency?: number;
  /** Name of the sink in logs, metrics and dead letters. Default: the service's name. */
  readonly name?: string;
}

/** The checked options, with their defaults. */
export interface AwsBatchSettings<Client> {
  readonly name: string;
  readonly client: Client | undefined;
  readonly concurrency: number;
}

/**
 * Checks the common options and fills in defaults. `method` is the client's method that the sink calls. `expectation`
 * describes the client in the error: `an SNS of @aws-sdk/client-sns`.
 * @throws {ConfigError} CONFIG_INVALID, which names the option.
 */
export const checkAwsBatchOptions = <Client>(
  options: AwsBatchOptions<Client>,
  defaultName: string,
  method: string & keyof Client,
  expectation: string,
): AwsBatchSettings<Client> => {
  const { client, concurrency = 8, name = defaultName } = options;
  checkClient(client, method, expectation);
  checkWhole("concurrency", concurrency, [1, 100]);
  checkText("name", name);
  return { name, client, concurrency };
};

/** The settings and functions that differ from service to service. */
export interface AwsBatchTarget<Message, Entry, Client> extends AwsBatchSettings<Client> {
  readonly service: AwsService;
  /** The topic, queue or bus. */
  readonly resource: SinkResource;
  /** Whether the target is a FIFO topic or queue, which discards repeats. */
  readonly isFifo?: boolean;
  /** Limit in bytes, for one message and for all messages of a request together. */
  readonly maxBytes: number;
  readonly makeClient: () => Promise<Client & Destroyable>;
  /** Creates the entry for a delivery. @throws {SinkError} if the delivery can never be sent. */
  readonly encode: (delivery: AppendDelivery<Message>) => SizedEntry<Entry>;
  /** Sends one request. Resolves with the answers in the order of the entries. */
  readonly send: (
    client: Client,
    entries: readonly Entry[],
    options: { readonly abortSignal: AbortSignal },
  ) => Promise<readonly EntryAnswer[]>;
  /** Writes and reads requests without the SDK's middleware, but only for a client that the sink creates. */
  readonly wire?: AwsWire<Entry>;
}

/** Maximum number of entries in a request. `PublishBatch`, `SendMessageBatch` and `PutEvents` have the same limit. */
const maxEntries = 10;

/** Creates the sink. It loads its client when the function starts, and connects at its first write. */
export const awsBatchSink = <Message, Entry, Client>(
  target: AwsBatchTarget<Message, Entry, Client>,
): Sink<Message, "append"> => {
  const { name, concurrency, service, resource, isFifo = false, maxBytes, encode } = target;
  const { wire } = target;
  const classify = (error: unknown): SinkError => awsRequestError(name, service, error);
  let write: AwsSend<Entry> | undefined;
  const client = lazyClient(target.client, async () => {
    const made = await target.makeClient();
    const bySdk: AwsSend<Entry> = (entries, options) => target.send(made, entries, options);
    if (wire !== undefined) write = awsRequestWriter(made, wire, bySdk, (error) => isTransient(classify(error).code));
    return made;
  });
  const send = async (entries: readonly Entry[], abortSignal: AbortSignal): Promise<readonly EntryAnswer[]> => {
    const ready = await client.get();
    return write === undefined ? target.send(ready, entries, { abortSignal }) : write(entries, { abortSignal });
  };
  return {
    name,
    resource,
    supports: { writes: "append", maxEntries, concurrency, ...(isFifo && { dedupesForMs: fifoDedupeMs }) },
    ...writeInRequests<Message, Entry>({
      sink: name,
      maxEntries,
      maxBytes,
      encode,
      send,
      classify,
    }),
    prepare: () => prepareAwsClient(client.get),
    close: client.close,
  };
};
