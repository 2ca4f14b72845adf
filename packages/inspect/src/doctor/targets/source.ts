// Whether the pipeline replicates the table whose stream the function gets, and what its targets hold of other streams.

import { type PipelineTarget, type StreamRecord, streamEpoch } from "@sluice/core/envelope";
import { RecordError, type WriteContext } from "@sluice/core/sink-kit";
import { knownValue } from "../../aws/answer.ts";
import type { StreamFacts } from "../facts.ts";
import type { Finding } from "../finding.ts";
import { isMissing, patienceMs, unreachable, withPatience } from "./target.ts";

const area = "target";

/** A version starts with the time of its stream, in 17 digits. */
const epochLength = 17;
const versionPattern = /^\d{17}-/;

/** Keys of this many live copies are read. */
const sampleSize = 1_000;

type KeyType = "S" | "N" | "B";

/** Names and types of a table's key. */
type KeyTypes = Readonly<Record<string, KeyType>>;

/** Names and types of the key attributes; undefined if the table could not be read. */
const keyTypesOf = ({ table }: StreamFacts): KeyTypes | undefined => {
  const found = knownValue(table);
  if (found === undefined) return undefined;
  const types = new Map(found.AttributeDefinitions?.map((one) => [one.AttributeName, one.AttributeType]));
  const keys = (found.KeySchema ?? []).map(({ AttributeName = "" }) => AttributeName);
  return Object.fromEntries(keys.map((key) => [key, (types.get(key) ?? "S") as KeyType]));
};

const keyValues = { S: { S: "sluice-doctor" }, N: { N: "0" }, B: { B: "AA==" } } as const;

/** A record that says that an item does not exist. It is given to the pipeline, which reads its ARN, and to no target. */
const recordOf = (streamArn: string, keyTypes: KeyTypes): StreamRecord => ({
  eventID: "sluice-doctor",
  eventName: "REMOVE",
  eventVersion: "1.1",
  eventSource: "aws:dynamodb",
  eventSourceARN: streamArn,
  dynamodb: {
    ApproximateCreationDateTime: Math.floor(Date.now() / 1_000),
    Keys: Object.fromEntries(Object.entries(keyTypes).map(([name, type]) => [name, keyValues[type]])),
    SequenceNumber: "0",
    StreamViewType: "NEW_IMAGE",
  },
});

const sourceDiffers = (streamArn: string, message: string): Finding => ({
  code: "SOURCE_DIFFERS",
  area,
  level: "fail",
  resource: streamArn,
  found: message,
  expected: "a mapping from the stream of the table that the pipeline's option source names",
  fix: "Correct the option source of the pipeline, or create the event source mapping from the stream of its table.",
});

const ahead = (route: string, version: string, streamArn: string): Finding => ({
  code: "TARGET_AHEAD",
  area,
  level: "fail",
  resource: route,
  found: `the target holds a change of a later stream, of ${version.slice(0, epochLength)}; the function reads the stream of ${streamEpoch(streamArn)}`,
  expected: "no change of a later stream: the target keeps it, and supersedes what the function writes",
  fix: "Name the table with a later time in the option source (docs/runbook.md), then run sluice verify --repair; or fill a new target.",
});

/** The time of the stream in the versions of its changes; undefined if the pipeline cannot tell. */
const expectedOf = ({ expect }: PipelineTarget, record: StreamRecord): { epoch?: string; foreign?: string } => {
  try {
    return { epoch: expect(record).delivery.change.version.slice(0, epochLength) };
  } catch (error) {
    return error instanceof RecordError && error.code === "RECORD_FOREIGN" ? { foreign: error.message } : {};
  }
};

const context = (): WriteContext => ({ signal: AbortSignal.timeout(patienceMs), remainingMs: () => patienceMs });

const aheadIn = async (
  { routes, sink }: PipelineTarget,
  streamArn: string,
  epoch: string,
  keyTypes: KeyTypes,
): Promise<readonly Finding[]> => {
  const [route = sink.name] = routes;
  const request = { part: 0, parts: 1, after: undefined, limit: sampleSize, keyTypes };
  try {
    const page = await withPatience(async () => sink.keys?.(request, context()));
    const found = page?.keys.find(
      ({ version }) => versionPattern.test(version) && version.slice(0, epochLength) > epoch,
    );
    return found === undefined ? [] : [ahead(route, found.version, streamArn)];
  } catch (error) {
    // What the target lacks is found by comparing its schema.
    return isMissing(error) ? [] : [unreachable(area, route, error)];
  }
};

/** Judges the targets of a pipeline against a stream that its function reads. */
export const sourceFindings = async (
  targets: readonly PipelineTarget[],
  stream: StreamFacts,
): Promise<readonly Finding[]> => {
  const keyTypes = keyTypesOf(stream);
  if (keyTypes === undefined) return [];
  const record = recordOf(stream.streamArn, keyTypes);
  const [first] = targets;
  const { foreign } = first === undefined ? {} : expectedOf(first, record);
  if (foreign !== undefined) return [sourceDiffers(stream.streamArn, foreign)];
  const found = targets.map((target) => {
    const { epoch } = expectedOf(target, record);
    return epoch === undefined ? [] : aheadIn(target, stream.streamArn, epoch, keyTypes);
  });
  return (await Promise.all(found)).flat();
};
