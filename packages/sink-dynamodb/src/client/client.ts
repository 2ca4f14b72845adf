// The interface of the SDK client, and the calls to DynamoDB. A call ends at the latest when its signal aborts.

import {
  awsClientDefaults,
  lazyClient,
  missingDependency,
  prepareAwsClient,
  unanswered,
  untilAborted,
} from "@sluice/core/sink-kit";

/** The part of the SDK's `DynamoDBClient` or `DynamoDB` that the sink uses. You can pass your own client unchanged. */
export interface DynamodbClient {
  readonly send: (command: never, options?: { readonly abortSignal?: AbortSignal }) => Promise<unknown>;
  readonly destroy?: () => void;
}

type DynamodbSdk = typeof import("@aws-sdk/client-dynamodb");

/** The operations that the sink calls. */
export type Operation =
  | "BatchGetItem"
  | "CreateTable"
  | "DescribeTable"
  | "DescribeTimeToLive"
  | "GetItem"
  | "PutItem"
  | "Scan"
  | "UpdateItem"
  | "UpdateTimeToLive";

/** The input and output types of one operation, taken from the SDK's command class. */
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

/** How a sink calls DynamoDB, and how it closes its client. */
export interface DynamodbConnection {
  readonly call: CallDynamodb;
  /** Loads the SDK, and creates the client. Makes no request. */
  readonly prepare: () => Promise<void>;
  /** Closes the client that the sink created. A client that the user passed stays open. */
  readonly close: () => Promise<void>;
}

const importSdk = (): Promise<DynamodbSdk> =>
  import("@aws-sdk/client-dynamodb").catch(missingDependency("dynamodb", "@aws-sdk/client-dynamodb"));

const makeClient = ({ DynamoDBClient }: DynamodbSdk, maxSockets: number): DynamodbClient => {
  const { maxAttempts, requestHandler } = awsClientDefaults;
  const httpsAgent = { ...requestHandler.httpsAgent, keepAlive: true, maxSockets };
  return new DynamoDBClient({ maxAttempts, requestHandler: { ...requestHandler, httpsAgent } });
};

/** Connects through `own`, the user's client. Without `own`, the first call creates a client. */
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
      // Some versions of the SDK ignore an abort while they wait before a retry. `untilAborted` does not.
      return untilAborted(answer as Promise<never>, signal, () => unanswered(name, "DynamoDB"));
    },
    prepare: () => prepareAwsClient(() => Promise.all([sdk(), client.get()])),
    close: client.close,
  };
};
