// The factory that SNS, SQS and EventBridge share: options, client, requests of ten entries, errors.

import { type AwsService, awsRequestError } from "./aws-error.ts";
import { type EntryAnswer, type SizedEntry, writeInRequests } from "./batch-request.ts";
import { fifoDedupeMs } from "./fifo.ts";
import { type Destroyable, lazyClient } from "./lazy-client.ts";
import { checkClient, checkText, checkWhole } from "./option.ts";
import type { AppendDelivery, Sink } from "./sink.ts";

/** Options that these sinks have in common. */
export interface AwsBatchOptions<Client> {
  /** Your own client. Default: one that the sink makes at the first change, and whose retries are off: core retries. */
  readonly client?: Client;
  /** Requests in flight at once, at most. Default 8. */
  readonly concurrency?: number;
  /** For logs, metrics and dead letters. Default: the service's name. */
  readonly name?: string;
}

/** These options after validation. */
export interface AwsBatchSettings<Client> {
  readonly name: string;
  readonly client: Client | undefined;
  readonly concurrency: number;
}

/**
 * Checks the common options and fills in defaults. `method`: the method of the client that the sink calls. `expectation`:
 * the client, for the error: `an SNS of @aws-sdk/client-sns`.
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

/** What is peculiar to one service. */
export interface AwsBatchTarget<Message, Entry, Client> extends AwsBatchSettings<Client> {
  readonly service: AwsService;
  /** Whether the target is a FIFO topic or queue, which discards repeats. */
  readonly isFifo?: boolean;
  /** Limit of a message, and of all messages of a request together. */
  readonly maxBytes: number;
  readonly makeClient: () => Promise<Client & Destroyable>;
  /** Makes the entry of a delivery. @throws {SinkError} if the delivery can never be sent. */
  readonly encode: (delivery: AppendDelivery<Message>) => SizedEntry<Entry>;
  /** Makes one request. Resolves with an answer for each entry, by its index. */
  readonly send: (
    client: Client,
    entries: readonly Entry[],
    options: { readonly abortSignal: AbortSignal },
  ) => Promise<readonly EntryAnswer[]>;
}

/** Entries of a request: the same limit for `PublishBatch`, `SendMessageBatch` and `PutEvents`. */
const maxEntries = 10;

/** Makes the sink. Nothing connects before the first write. */
export const awsBatchSink = <Message, Entry, Client>(
  target: AwsBatchTarget<Message, Entry, Client>,
): Sink<Message, "append"> => {
  const { name, concurrency, service, isFifo = false, maxBytes, encode } = target;
  const client = lazyClient(target.client, target.makeClient);
  return {
    name,
    supports: { writes: "append", maxEntries, concurrency, ...(isFifo && { dedupesForMs: fifoDedupeMs }) },
    ...writeInRequests<Message, Entry>({
      sink: name,
      maxEntries,
      maxBytes,
      encode,
      send: async (entries, abortSignal) => target.send(await client.get(), entries, { abortSignal }),
      classify: (error) => awsRequestError(name, service, error),
    }),
    close: client.close,
  };
};
