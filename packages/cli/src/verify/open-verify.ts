// Opens what a verification works with: the pipeline, the table, and how to read and repair.

import {
  type ReadRate,
  readRate,
  scanSource,
  segmentCount,
  tableReader,
  tableTime,
  type VerifyOptions,
} from "@sluice/backfill";
import type { Image } from "@sluice/core/sink-kit";
import { dynamodbClient, lambdaClient } from "../aws/clients.ts";
import { scanRate } from "../backfill/estimate.ts";
import { invokeHere, invokeLambda } from "../backfill/invoke.ts";
import { lagReader } from "../backfill/lag.ts";
import { openModule } from "../backfill/open-backfill.ts";
import type { Resources } from "../backfill/resources.ts";
import { CommandError } from "../command-line/command-error.ts";
import type { PipelineModule } from "../pipeline-module/pipeline-module.ts";
import { describeTable, type SourceTable } from "../source-table/source-table.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { itemKeyIn } from "./item-keys.ts";
import { deadLetterReader } from "./open-dead-letters.ts";
import type { VerifyCommandOptions } from "./options.ts";

/** What a verification works with. */
export interface OpenVerify {
  readonly options: VerifyCommandOptions;
  readonly module: PipelineModule;
  readonly table: SourceTable;
  readonly rate: ReadRate;
  readonly verification: VerifyOptions;
  /** Only these items; undefined for all. */
  readonly keys: readonly Image[] | undefined;
}

const withStream = ({ name, streamArn }: SourceTable): string => {
  if (streamArn !== undefined) return streamArn;
  throw new CommandError(
    `the table ${name} has no stream, so nothing keeps its copies up to date; expected a table with a stream that the pipeline's function consumes`,
  );
};

const openRepair = async (
  { repairs, to, functionName, aws }: VerifyCommandOptions,
  { pipeline }: PipelineModule,
  opened: Resources,
): Promise<Pick<VerifyOptions, "repair">> => {
  if (!repairs) return {};
  if (to === "here" || functionName === undefined) return { repair: invokeHere(pipeline) };
  const client = await lambdaClient(aws, functionName);
  opened.add({ close: () => client.destroy() });
  return { repair: invokeLambda(client, functionName) };
};

/** Watches the lag of the live function, if there is one, and if its package is installed. */
const openLag = async (
  { functionName, aws }: VerifyCommandOptions,
  opened: Resources,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Pick<VerifyOptions, "lag">> => {
  if (functionName === undefined) return {};
  const reader = await lagReader(aws, functionName);
  if (reader === undefined) {
    terminal.err("the lag of the live function is not watched; npm install @aws-sdk/client-cloudwatch to watch it");
    return {};
  }
  opened.add(reader);
  let isReported = false;
  const lag = async (): Promise<number | undefined> => {
    try {
      return await reader.read(signal);
    } catch (error) {
      if (!isReported) terminal.err(`the lag of ${functionName} is unknown: ${(error as Error).message}`);
      isReported = true;
      return undefined;
    }
  };
  return { lag };
};

/** Opens what a verification works with. @throws {CommandError} {SourceError} when it cannot start */
export const openVerify = async (
  options: VerifyCommandOptions,
  opened: Resources,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<OpenVerify> => {
  const module = opened.add(await openModule(options));
  const client = await dynamodbClient(options.aws, options.table);
  opened.add({ close: () => client.destroy() });
  const table = await describeTable(client, options.table);
  const keys = options.keys?.map((text) => itemKeyIn(text, table.keyTypes));
  const origin = { run: options.run, streamArn: withStream(table), keyNames: table.keyNames };
  const rate = readRate({ unitsPerSecond: scanRate(options.readUnitsPerSecond, table) });
  const asOf = await tableTime({ client, table: table.address });
  const segments = options.segments ?? segmentCount(table.sizeBytes, options.concurrency);
  const verification: VerifyOptions = {
    targets: module.pipeline.targets(),
    source: scanSource({ client, table: table.address, origin, asOf, segments, rate }),
    table: tableReader({ client, table: table.address, keyNames: table.keyNames, rate }),
    origin,
    keyTypes: table.keyTypes,
    sample: options.sample,
    showValues: options.showsValues,
    ...(options.routes && { routes: options.routes }),
    ...(options.graceMs !== undefined && { graceMs: options.graceMs }),
    ...(options.maxSuspects !== undefined && { maxSuspects: options.maxSuspects }),
    ...(options.deadLetters.length > 0 && {
      deadLetters: deadLetterReader(options, module.pipeline.name, terminal, signal),
    }),
    ...(await openRepair(options, module, opened)),
    ...(await openLag(options, opened, terminal, signal)),
  };
  return { options, module, table, rate, verification, keys };
};
