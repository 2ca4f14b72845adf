// The stream of a table, whichever construct made the table.

import { DeployError } from "@sluice/rules";
import { Fn, Stack } from "aws-cdk-lib";
import {
  CfnGlobalTable,
  CfnTable,
  type ITable,
  StreamViewType,
  type Table,
  type TableV2,
} from "aws-cdk-lib/aws-dynamodb";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";
import { knownText } from "../pipeline/known.ts";

/** A table. The classes are named because they do not fit the interface under exactOptionalPropertyTypes. */
export type AnyTable = ITable | Table | TableV2;

/** A stream that is given by its ARN: of a table of another stack, another tool, or another account. */
export interface StreamGiven {
  readonly streamArn: string;
  /** The view type, for the check. Default: unknown, and not checked. */
  readonly viewType?: StreamViewType;
  /** The key of the table, if it is a key of your own. The function must be able to decrypt with it. */
  readonly encryptionKey?: IKey;
}

/** What a consumer needs to know of a stream. */
export interface StreamSource extends StreamGiven {
  readonly tableArn: string;
  /** The region of the table's construct. Default: that of the ARN. */
  readonly region?: string;
}

interface Declared {
  readonly streamViewType?: unknown;
}

/** What the template says about a table's stream. Undefined if the table has none; nothing is said of imported tables. */
const declaredStream = (table: AnyTable): Declared | undefined => {
  const resource = table.node.defaultChild;
  const isHere = resource instanceof CfnTable || resource instanceof CfnGlobalTable;
  if (!isHere) return {};
  // The specification of a global table is a token whose value is known already.
  return Stack.of(table).resolve(resource.streamSpecification) as Declared | undefined;
};

/** The source of a table. Throws if the table has no stream, or if its stream is not known. */
export const sourceOfTable = (table: AnyTable): StreamSource => {
  const { tableStreamArn: streamArn, tableArn, encryptionKey } = table;
  const declared = declaredStream(table);
  // A global table has the attribute even if it has no stream.
  if (streamArn === undefined || declared === undefined) {
    throw new DeployError(
      "STREAM_MISSING",
      `the table ${table.node.path} has no stream, or was imported without its stream; expected a stream. Set the table's ` +
        "`stream` (Table) or `dynamoStream` (TableV2) to NEW_AND_OLD_IMAGES; import a table with " +
        "Table.fromTableAttributes({ tableArn, tableStreamArn }); or pass `stream: { streamArn }`.",
    );
  }
  const viewType = Object.values(StreamViewType).find((known) => known === declared.streamViewType);
  return {
    streamArn,
    tableArn,
    region: table.env.region,
    ...(viewType && { viewType }),
    ...(encryptionKey && { encryptionKey }),
  };
};

/** The source of a given stream. The ARN of its table is the part before `/stream/`. */
export const sourceOfStream = (stream: StreamGiven): StreamSource => {
  const known = knownText(stream.streamArn);
  if (known !== undefined && !/^arn:[\w-]+:dynamodb:[^:]+:\d*:table\/[^/]+\/stream\/.+$/.test(known)) {
    throw new DeployError(
      "STREAM_ARN",
      `stream.streamArn is ${known}, expected the ARN of a DynamoDB stream: arn:aws:dynamodb:<region>:<account>:table/<table>/stream/<time>. ` +
        "The table's attribute StreamArn, or LatestStreamArn of `aws dynamodb describe-table`, has it.",
    );
  }
  return { ...stream, tableArn: Fn.select(0, Fn.split("/stream/", stream.streamArn)) };
};

/** Throws if the stream is known to be in another region than the mapping. */
export const checkRegion = (scope: Construct, { tableArn, region }: StreamSource): void => {
  const there = knownText(region) ?? knownText(knownText(tableArn)?.split(":")[3]);
  const here = knownText(Stack.of(scope).region);
  if (there === undefined || here === undefined || there === here) return;
  throw new DeployError(
    "STREAM_OTHER_REGION",
    `the stream is in ${there}, and the stack ${Stack.of(scope).node.path} in ${here}; expected one region: Lambda reads only streams of its ` +
      "own region. Create the pipeline in a stack of the table's region, or use a replica of the table: table.replica(region).",
  );
};

/** Throws if the view type lacks the new image. */
export const checkViewType = ({ viewType, streamArn }: StreamSource): void => {
  if (
    viewType === undefined ||
    viewType === StreamViewType.NEW_AND_OLD_IMAGES ||
    viewType === StreamViewType.NEW_IMAGE
  ) {
    return;
  }
  const name = knownText(streamArn) ?? "the stream";
  throw new DeployError(
    "VIEW_TYPE",
    `${name} has the view type ${viewType}, expected NEW_AND_OLD_IMAGES (or NEW_IMAGE): its records do not contain what the ` +
      "pipeline writes. A stream's view type cannot be changed: switch the stream off, deploy, and switch it on with NEW_AND_OLD_IMAGES.",
  );
};
