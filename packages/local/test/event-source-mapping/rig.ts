// An event source mapping with a fake stream, a fake clock and a scripted function. `batches` lists the invocations.

import type { StreamRecord } from "@sluice/core/envelope";
import {
  type DiscardedBatch,
  type EventSourceMapping,
  type EventSourceMappingOptions,
  eventSourceMapping,
  type FakeClock,
  type FakeStreams,
  fakeClock,
  fakeStreams,
  type LambdaContext,
} from "../../src/index.ts";

/** 2026-11-23T12:00:00Z */
export const noonMs = 1_795_435_200_000;

/** A change of the item `key`. `name` identifies the change in the function's input. */
export const change = (name: string, key: string = name, createdAtMs: number = noonMs): StreamRecord => ({
  eventName: "MODIFY",
  dynamodb: {
    ApproximateCreationDateTime: Math.floor(createdAtMs / 1000),
    Keys: { pk: { S: key } },
    NewImage: { pk: { S: key }, name: { S: name } },
    StreamViewType: "NEW_AND_OLD_IMAGES",
  },
});

export const nameOf = (record: StreamRecord): string => {
  const name = record.dynamodb?.NewImage?.name;
  return name !== undefined && "S" in name ? name.S : "";
};

/** A response that reports these records as failed. */
export const failing = (...records: readonly StreamRecord[]): unknown => ({
  batchItemFailures: records.map((record) => ({ itemIdentifier: record.dynamodb?.SequenceNumber })),
});

/** Returns the function's response, or throws. */
export type Script = (records: readonly StreamRecord[], context: LambdaContext) => unknown;

/** Reports as failed only the first record with one of these names, like a function that stops at a failure. */
export const failingAt =
  (...names: readonly string[]): Script =>
  (records) =>
    failing(...records.filter((record) => names.includes(nameOf(record))).slice(0, 1));

/** A mapping with the parts that a test controls or reads. */
export interface Rig {
  readonly stream: FakeStreams;
  readonly clock: FakeClock;
  readonly mapping: EventSourceMapping;
  /** Names of the records of each invocation, in the order in which the invocations began. */
  readonly batches: readonly (readonly string[])[];
  readonly discarded: readonly DiscardedBatch[];
  readonly keys: readonly string[];
  readonly problems: readonly unknown[];
  /** The errors that the function threw, and its timeouts. */
  readonly functionErrors: readonly unknown[];
  /** Starts the mapping, waits until it is drained, and stops it. */
  readonly run: () => Promise<void>;
}

export const openRig = (
  script: Script = () => undefined,
  options: Partial<EventSourceMappingOptions> & {
    readonly stream?: FakeStreams;
    readonly destination?: "sqs" | "s3";
  } = {},
): Rig => {
  const { stream = fakeStreams(), destination = "sqs", ...rest } = options;
  const clock = fakeClock(noonMs);
  const batches: string[][] = [];
  const discarded: DiscardedBatch[] = [];
  const keys: string[] = [];
  const problems: unknown[] = [];
  const functionErrors: unknown[] = [];
  const mapping = eventSourceMapping({
    client: stream.client,
    streamArn: stream.streamArn,
    startingPosition: "TRIM_HORIZON",
    functionResponseTypes: ["ReportBatchItemFailures"],
    destinationConfig: {
      onFailure: {
        kind: destination,
        send: async (batch, { key }) => {
          discarded.push(batch);
          keys.push(key);
        },
      },
    },
    handler: async (event, context) => {
      batches.push(event.Records.map(nameOf));
      return script(event.Records, context);
    },
    onProblem: (problem) => problems.push(problem),
    onFunctionError: (error) => functionErrors.push(error),
    ...rest,
    clock,
  });
  const run = async (): Promise<void> => {
    await mapping.start();
    await mapping.drained();
    await mapping.stop();
  };
  return { stream, clock, mapping, batches, discarded, keys, problems, functionErrors, run };
};

/** A rig with one shard that holds these records. */
export const rigWith = (
  records: readonly StreamRecord[],
  script?: Script,
  options?: Parameters<typeof openRig>[1],
): Rig => {
  const rig = openRig(script, options);
  rig.stream.append(rig.stream.addShard(), ...records);
  return rig;
};
