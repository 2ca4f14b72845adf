// Reads how far a live function is behind its stream, from CloudWatch's metric IteratorAge.

import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { streamLag } from "@sluice/backfill";
import { type AwsOptions, clientConfig } from "../aws/clients.ts";
import { messageOf } from "../terminal/format.ts";
import type { Notes } from "../terminal/terminal.ts";
import type { Resources } from "./resources.ts";

/** A reader that the command closes, and whose failures the user sees. */
export interface WatchedLag {
  /** Returns milliseconds; undefined if the function had no invocation in the last minutes. */
  readonly read: (signal: AbortSignal) => Promise<number | undefined>;
  /** Says that the lag is unknown, and why; only the first time. */
  readonly report: (error: unknown) => void;
}

/** Opens a reader of a function's lag. */
export const openLagReader = (
  aws: AwsOptions,
  functionName: string,
  opened: Resources,
  { err }: Pick<Notes, "err">,
): WatchedLag => {
  const client = new CloudWatch(clientConfig(aws, "CLOUDWATCH", functionName));
  opened.add({ close: () => client.destroy() });
  let isReported = false;
  return {
    read: (abortSignal) => streamLag(client, functionName, abortSignal),
    report: (error) => {
      if (!isReported) err(`the lag of ${functionName} is unknown: ${messageOf(error)}`);
      isReported = true;
    },
  };
};
