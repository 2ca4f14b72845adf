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
import { dynamodbClient } from "../aws/clients.ts";
import { scanRate } from "../pipeline-command/estimate.ts";
import { openInvoke } from "../pipeline-command/invoke.ts";
import { openLagReader } from "../pipeline-command/lag.ts";
import type { Resources } from "../pipeline-command/resources.ts";
import type { PipelineModule } from "../pipeline-module/pipeline-module.ts";
import { itemKeyIn } from "../source-table/item-keys.ts";
import { describeTable, type SourceTable, streamOf } from "../source-table/source-table.ts";
import type { Notes } from "../terminal/terminal.ts";
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

/** How far the live function lags, if it is named and can be watched. A lag that cannot be read is unknown. */
const openLag = async (
  { functionName, aws }: VerifyCommandOptions,
  opened: Resources,
  terminal: Notes,
  signal: AbortSignal,
): Promise<Pick<VerifyOptions, "lag">> => {
  const watched = functionName === undefined ? undefined : openLagReader(aws, functionName, opened, terminal);
  if (watched === undefined) return {};
  return {
    lag: () =>
      watched.read(signal).catch((error: unknown) => {
        watched.report(error);
        return undefined;
      }),
  };
};

/** Opens what a verification works with. @throws {CommandError} {SourceError} when it cannot start */
export const openVerify = async (
  options: VerifyCommandOptions,
  module: PipelineModule,
  opened: Resources,
  terminal: Notes,
  signal: AbortSignal,
): Promise<OpenVerify> => {
  const client = await dynamodbClient(options.aws, options.table);
  opened.add({ close: () => client.destroy() });
  const table = await describeTable(client, options.table);
  const keys = options.keys?.map((text) => itemKeyIn(text, table.keyTypes));
  const origin = { run: options.run, streamArn: streamOf(table), keyNames: table.keyNames };
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
    ...(options.repairs && { repair: await openInvoke(options, module.pipeline, opened) }),
    ...(await openLag(options, opened, terminal, signal)),
  };
  return { options, module, table, rate, verification, keys };
};
