// The SDK: the part of a client that the sink uses, the client it makes by default, and calls that end with the
// invocation's time.

import { missingDependency, SinkError } from "@sluice/core/sink-kit";

/** The SDK's `DynamoDBClient` or `DynamoDB`: yours fits as it is. */
export interface DynamodbClient {
  readonly send: (command: never, options?: { readonly abortSignal?: AbortSignal }) => Promise<unknown>;
  readonly destroy?: () => void;
}

type Sdk = typeof import("@aws-sdk/client-dynamodb");

/** The operations that the sink calls. */
export type Operation =
  | "CreateTable"
  | "DescribeTable"
  | "DescribeTimeToLive"
  | "GetItem"
  | "PutItem"
  | "UpdateItem"
  | "UpdateTimeToLive";

/** One operation's input and output, from the SDK's own command. */
type Shape<Name extends Operation> =
  InstanceType<Sdk[`${Name}Command`]> extends {
    readonly input: infer Input;
    resolveMiddleware: (...rest: never[]) => (...rest: never[]) => Promise<{ readonly output: infer Output }>;
  }
    ? { readonly input: Input; readonly output: Output }
    : never;

/** Calls one operation. Rejects with the SDK's error, or with SINK_TIMEOUT as soon as the signal aborts. */
export type Call = <Name extends Operation>(
  operation: Name,
  input: Shape<Name>["input"],
  signal: AbortSignal,
) => Promise<Shape<Name>["output"]>;

/** The connection of a sink. */
export interface Connection {
  readonly call: Call;
  /** Ends the client that the sink made; the user's own stays. */
  readonly close: () => Promise<void>;
}

interface Opened {
  readonly sdk: Sdk;
  readonly client: DynamodbClient;
}

const importSdk = (): Promise<Sdk> =>
  import("@aws-sdk/client-dynamodb").catch(missingDependency("dynamodb", "@aws-sdk/client-dynamodb"));

/** No retries by the SDK: core repeats what is throttled or lost, and looks at the clock before it does. */
const makeClient = ({ DynamoDBClient }: Sdk, maxSockets: number): DynamodbClient =>
  new DynamoDBClient({ maxAttempts: 1, requestHandler: { httpsAgent: { keepAlive: true, maxSockets } } });

type Abort = () => void;

/** What is to be told when a signal aborts. One listener for all: a listener for each request is dear. */
const waiting = new WeakMap<AbortSignal, Set<Abort>>();

const waitingFor = (signal: AbortSignal): Set<Abort> => {
  const known = waiting.get(signal);
  if (known !== undefined) return known;
  const aborts = new Set<Abort>();
  waiting.set(signal, aborts);
  signal.addEventListener(
    "abort",
    () => {
      for (const abort of aborts) abort();
    },
    { once: true },
  );
  return aborts;
};

const overdue = (): SinkError =>
  new SinkError("SINK_TIMEOUT", "the invocation's time was over before DynamoDB answered");

/** Older versions of the SDK sleep through an abort between two tries. */
const untilAborted = <Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> => {
  if (signal.aborted) {
    work.catch(() => undefined);
    return Promise.reject(overdue());
  }
  return new Promise((resolve, reject) => {
    const aborts = waitingFor(signal);
    const abort = (): void => reject(overdue());
    aborts.add(abort);
    work.then(
      (value) => {
        aborts.delete(abort);
        resolve(value);
      },
      (error) => {
        aborts.delete(abort);
        reject(error);
      },
    );
  });
};

/** The user's client, or one that is made at the first call. Nothing is imported or opened before. */
export const connect = (own: DynamodbClient | undefined, maxSockets: number): Connection => {
  let opening: Promise<Opened> | undefined;
  const open = async (): Promise<Opened> => {
    const sdk = await importSdk();
    return { sdk, client: own ?? makeClient(sdk, maxSockets) };
  };
  return {
    call: async (operation, input, signal) => {
      opening ??= open();
      const { sdk, client } = await opening;
      const Command = sdk[`${operation}Command`] as unknown as new (given: typeof input) => never;
      return untilAborted(client.send(new Command(input), { abortSignal: signal }) as Promise<never>, signal);
    },
    close: async () => {
      const closing = opening;
      opening = undefined;
      if (own === undefined) (await closing)?.client.destroy?.();
    },
  };
};
