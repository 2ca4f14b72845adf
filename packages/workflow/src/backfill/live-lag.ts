// Holds the workers of a backfill back while the live stream lags, because both write to the same targets.

import { type LagGate, lagGate, type Pace, streamLag } from "@sluice/backfill";
import { type Clock, checkWhole, type PipelineLogger, systemClock } from "@sluice/core/sink-kit";
import { consoleLogger, optional } from "../redrive/environment.ts";
import { type CopyClients, lagConnection } from "./clients.ts";

/** Options of a worker about the live stream. */
export interface LiveLagOptions {
  /** Name of the function that reads the table's stream. Without it, no worker waits. Variable: `SLUICE_LIVE_FUNCTION`. */
  readonly liveFunction?: string;
  /** The worker waits while the live function lags by more than this number of milliseconds. Default 60,000. */
  readonly yieldAboveMs?: number;
}

/** The names of these options. */
export const liveLagOptionNames = { liveFunction: true, yieldAboveMs: true } as const;

interface Parts {
  readonly pace: Pace;
  readonly clients: CopyClients;
  readonly logger?: PipelineLogger | undefined;
  readonly clock?: Clock | undefined;
}

/** CloudWatch has one value a minute. */
const everyMs = 60_000;

/** A network without a way to CloudWatch answers nothing. */
const timeoutMs = 5_000;

const gateOf = (
  functionName: string,
  aboveMs: number,
  { clients, logger = consoleLogger, clock = systemClock }: Parts,
): LagGate => {
  const connection = lagConnection(clients.cloudwatch);
  let isWarned = false;
  return lagGate({
    read: async (signal) =>
      streamLag(await connection.get(), functionName, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])),
    aboveMs,
    everyMs,
    clock,
    onReadError: (error) => {
      if (!isWarned)
        logger.warn("the lag of the live stream is unknown: the worker does not wait for it", {
          reason: String(error),
        });
      isWarned = true;
    },
  });
};

/** Returns the pace of a worker: the user's, and a gate unless the user has one. */
export const livePace = (options: LiveLagOptions, parts: Parts): Pace => {
  const { yieldAboveMs = 60_000 } = options;
  checkWhole("yieldAboveMs", yieldAboveMs, [0, 86_400_000]);
  const functionName = optional(options.liveFunction, "SLUICE_LIVE_FUNCTION");
  if (functionName === undefined || parts.pace.lag !== undefined) return parts.pace;
  return { ...parts.pace, lag: gateOf(functionName, yieldAboveMs, parts) };
};
