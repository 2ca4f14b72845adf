// The part of an SDK client that the sink uses, the sink's own client, and calls that end with the invocation's time.

import { awsClientDefaults, lazyClient, missingDependency, unanswered, untilAborted } from "@sluice/core/sink-kit";

/** The part of the SDK's `DynamoDBClient` or `DynamoDB` that the sink uses. You can pass your own client unchanged. */
export interface DynamodbClient {
  readonly send: (command: never, options?: { readonly abortSignal?: AbortSignal }) => Promise<unknown>;
  readonly destroy?: () => void;
}

type DynamodbSdk = typeof import("@aws-sdk/client-dynamodb");

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
type OperationTypes<Name extends Operation> =
  InstanceType<DynamodbSdk[`${Name}Command`]> extends {
    readonly input: infer Input;
    resolveMiddleware: (...rest: never[]) => (...rest: never[]) => Promise<{ readonly output: infer Output }>;
  }
    ? { readonly input: Input; readonly output: Output }
    : never;

/** Calls one operation. Rejects with the SDK's error, or with SINK_TIMEOUT as soon as the signal aborts. */
export type CallDynamodb = <Name extends Operation>(
  operation: Name,
  input: OperationTypes<Name>["input"],
  signal: AbortSignal,
) => Promise<OperationTypes<Name>["output"]>;

/** The calls of a sink, and the function that closes its client. */
export interface DynamodbConnection {
  readonly call: CallDynamodb;
  /** Closes the client that the sink created; the user's own client stays open. */
  readonly close: () => Promise<void>;
}

const importSdk = (): Promise<DynamodbSdk> =>
  import("@aws-sdk/client-dynamodb").catch(missingDependency("dynamodb", "@aws-sdk/client-dynamodb"));

const makeClient = ({ DynamoDBClient }: DynamodbSdk, maxSockets: number): DynamodbClient => {
  const { maxAttempts, requestHandler } = awsClientDefaults;
  const httpsAgent = { keepAlive: true, maxSockets };
  return new DynamoDBClient({ maxAttempts, requestHandler: { ...requestHandler, httpsAgent } });
};

/** Uses the user's client, or creates one at the first call. Imports the SDK at the first call. */
export const connect = (name: string, own: DynamodbClient | undefined, maxSockets: number): DynamodbConnection => {
  let importing: Promise<DynamodbSdk> | undefined;
  const sdk = (): Promise<DynamodbSdk> => {
    importing ??= importSdk();
    return importing;
  };
  const client = lazyClient<DynamodbClient>(
    own,
    async () => makeClient(await sdk(), maxSockets),
    (made) => made.destroy?.(),
  );
  return {
    call: async (operation, input, signal) => {
      const Command = (await sdk())[`${operation}Command`] as unknown as new (given: typeof input) => never;
      const answer = (await client.get()).send(new Command(input), { abortSignal: signal });
      // Some versions of the SDK ignore an abort between two attempts.
      return untilAborted(answer as Promise<never>, signal, () => unanswered(name, "DynamoDB"));
    },
    close: client.close,
  };
};
