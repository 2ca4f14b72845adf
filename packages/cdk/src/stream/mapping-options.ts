// The knobs of the event source mapping from the stream: what each does, its default, and why.

import type { FilterPattern } from "@sluice/rules";
import { DeployError } from "@sluice/rules";
import type { Duration } from "aws-cdk-lib";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { checkRange, knownNumber, knownSeconds } from "../pipeline/known.ts";

/** Options of the mapping from the stream to the function. Partial batch responses are always on: without them Lambda ignores failures. */
export interface MappingOptions {
  /**
   * Records of one batch, from 1 to 10,000. Default 1,000: a sink writes a batch with few requests, so large batches are
   * fast; but a batch must be done before the timeout, also by the slowest sink.
   */
  readonly batchSize?: number;
  /**
   * How long Lambda waits for a full batch, up to 5 minutes. Default 1 second: on a quiet table one invocation serves many
   * changes, and no change waits long. With 0 the latency is lowest, and each change may cost an invocation.
   */
  readonly batchingWindow?: Duration;
  /**
   * Whether Lambda halves a batch after a crash or timeout. Default `true`: the record at fault is found alone, and halves do
   * not count as attempts.
   */
  readonly bisectBatchOnError?: boolean;
  /**
   * How often Lambda retries a batch, from 0 to 10,000; -1 is without limit. Default -1: only the record's age ends the
   * retries, because an outage of a target has no number of attempts.
   */
  readonly retryAttempts?: number;
  /**
   * The age at which Lambda gives up on a record. Default 22 hours if there is an on-failure destination: the stream deletes
   * records after 24 hours without a trace, so Lambda saves them before. Without a destination: no limit.
   */
  readonly maxRecordAge?: Duration;
  /**
   * Batches of one shard at a time, from 1 to 10. Default 1: raise it when the iterator age rises although batches are full.
   * Changes of one item stay in order. Each more needs a connection of its own to the target.
   */
  readonly parallelizationFactor?: number;
  /**
   * Where a new mapping begins. Default `TRIM_HORIZON`: at the oldest record. `LATEST` skips records while Lambda creates or
   * updates the mapping, which takes minutes; it needs `latestBecause`. CloudFormation cannot change the position of a
   * mapping (it would create a second one, which Lambda refuses): remove the mapping, deploy, then add it again.
   */
  readonly startingPosition?: "TRIM_HORIZON" | "LATEST";
  /** The reason why it is right to skip records. Required for `LATEST`. */
  readonly latestBecause?: string;
  /** Patterns of Lambda's event filtering. A record passes if one matches. Default: every record passes. */
  readonly filters?: readonly FilterPattern[];
  /** Accepts filters that let no REMOVE pass. Default `false`, because copies of removed items would stay. */
  readonly filtersDropRemovals?: boolean;
  /** A key that encrypts the filters. Default: a key that AWS owns. */
  readonly filterEncryption?: IKey;
  /** Whether the mapping publishes `EventCount` metrics. Default `true`: only they show filtered and dropped records. */
  readonly metrics?: boolean;
  /** Whether Lambda reads the stream. Default `true`. A mapping that is switched off keeps its position for 24 hours. */
  readonly enabled?: boolean;
  /**
   * The logical id of the mapping. Default: derived from the path of the pipeline, so that a table may move in the tree.
   * Name the old id if you move the pipeline itself, or replace another construct: a new id is a new mapping, which Lambda
   * refuses while the old one exists.
   */
  readonly logicalId?: string;
}

/** Seconds that a stream keeps a record. */
const streamSeconds = 86_400;

/** Values with which a property of the mapping is without limit. */
const unlimited = -1;

const checkAge = (seconds: number | undefined): void => {
  if (seconds === undefined) return;
  checkRange("mapping.maxRecordAge in seconds", seconds, [60, 604_800], "Lambda refuses other ages");
  if (seconds < streamSeconds) return;
  throw new DeployError(
    "RECORD_AGE_TOO_LONG",
    `mapping.maxRecordAge is ${seconds} s, expected less than ${streamSeconds} s: the stream deletes a record after 24 hours, ` +
      "before Lambda would write it to the on-failure destination. Set maxRecordAge to at most Duration.hours(22).",
  );
};

const checkLogicalId = (id: string | undefined): void => {
  if (id === undefined || /^[A-Za-z0-9]{1,255}$/.test(id)) return;
  throw new DeployError(
    "LOGICAL_ID",
    `mapping.logicalId is ${JSON.stringify(id)}, expected 1 to 255 letters and digits: CloudFormation refuses other ids. Copy the id ` +
      "from the template that is deployed.",
  );
};

const checkPosition = ({ startingPosition, latestBecause }: MappingOptions): void => {
  if (startingPosition !== "LATEST" || (latestBecause ?? "").trim() !== "") return;
  throw new DeployError(
    "LATEST_LOSES",
    "mapping.startingPosition is LATEST without latestBecause, expected TRIM_HORIZON: Lambda skips the records that are written " +
      "while it creates or updates the mapping. Use TRIM_HORIZON; if it is right to skip records, say why in latestBecause.",
  );
};

const checkBounds = ({ retryAttempts, maxRecordAge }: MappingOptions, hasDestination: boolean): void => {
  const attempts = knownNumber(retryAttempts) ?? unlimited;
  const bounded = attempts === unlimited ? undefined : `mapping.retryAttempts is ${attempts}`;
  const aged = maxRecordAge === undefined ? undefined : "mapping.maxRecordAge is set";
  const found = bounded ?? aged;
  if (hasDestination || found === undefined) return;
  throw new DeployError(
    "DESTINATION_MISSING",
    `${found} and there is no on-failure destination, expected a destination: Lambda would delete the batches that it gives up ` +
      "on. Leave onFailure out, so that a bucket is created, or remove the limit.",
  );
};

/** Throws if an option is out of Lambda's limits, or loses records. */
export const checkMapping = (options: MappingOptions, hasDestination: boolean): void => {
  const { batchSize, batchingWindow, retryAttempts, maxRecordAge, parallelizationFactor } = options;
  checkRange("mapping.batchSize", batchSize, [1, 10_000], "a batch of a stream has at most 10,000 records");
  checkRange(
    "mapping.batchingWindow in seconds",
    knownSeconds(batchingWindow),
    [0, 300],
    "Lambda waits at most 5 minutes",
  );
  checkRange(
    "mapping.retryAttempts",
    retryAttempts,
    [unlimited, 10_000],
    "Lambda refuses other numbers; -1 is without limit",
  );
  checkRange(
    "mapping.parallelizationFactor",
    parallelizationFactor,
    [1, 10],
    "a shard has at most 10 batches at a time",
  );
  checkAge(knownSeconds(maxRecordAge));
  checkLogicalId(options.logicalId);
  checkPosition(options);
  checkBounds(options, hasDestination);
};
