// Asks the host for the overview: one call at a time for all pages, and again and again only while a page looks.

import { systemClock, untilAborted } from "@sluice/core/sink-kit";
import type { Overview } from "../api/overview.ts";
import type { ConsoleHost } from "../host.ts";
import { HttpError } from "./http-error.ts";
import { withSignals } from "./linked-signal.ts";

/** Longest time that the host may take. */
const timeoutMs = 30_000;

/** The shared overview. */
export interface OverviewWatch {
  /** The overview now, or as it was less than `everyMs` ago. */
  readonly now: () => Promise<Overview>;
  /** Calls the listener with each overview. Returns the function that ends this. */
  readonly onOverview: (listener: (overview: Overview) => void) => () => void;
}

/** What a watch needs. */
export interface OverviewWatchOptions {
  readonly host: Pick<ConsoleHost, "overview" | "everyMs">;
  /** Aborts when the server closes. */
  readonly closing: AbortSignal;
  readonly onError: (error: unknown, subject: string) => void;
}

interface Read {
  readonly overview: Overview;
  /** On a clock that never goes back. */
  readonly at: number;
}

/** What pages see if the host fails: the last numbers, and the problem. */
const unread = (last: Overview | undefined): Overview => ({
  at: Date.now(),
  pipelines: last?.pipelines ?? [],
  routes: last?.routes ?? [],
  queues: last?.queues ?? [],
  problems: ["the overview could not be read; the console's log names the error"],
});

/** Returns a function that asks the host. Calls at the same time share one answer. */
const asking = ({ host, closing }: OverviewWatchOptions): (() => Promise<Overview>) => {
  let call: Promise<Overview> | undefined;
  const late = (): Error =>
    closing.aborted
      ? new HttpError("CLOSING", "the console ends; expected no new work")
      : new HttpError("TIMEOUT", `no overview was found; expected one within ${timeoutMs / 1_000} s`);
  const ask = (): Promise<Overview> =>
    withSignals([closing, AbortSignal.timeout(timeoutMs)], (signal) =>
      untilAborted(host.overview(signal), signal, late),
    );
  return () => {
    call ??= ask().finally(() => {
      call = undefined;
    });
    return call;
  };
};

/** Creates the shared overview of a host. */
export const watchOverview = (options: OverviewWatchOptions): OverviewWatch => {
  const { host, closing, onError } = options;
  const everyMs = host.everyMs ?? 1_000;
  const listeners = new Set<(overview: Overview) => void>();
  const ask = asking(options);
  let last: Read | undefined;
  let isLooking = false;

  const read = async (): Promise<Overview> => {
    const overview = await ask();
    last = { overview, at: performance.now() };
    return overview;
  };
  const fresh = (): Overview | undefined =>
    last !== undefined && performance.now() - last.at < everyMs ? last.overview : undefined;
  const readOrReport = (): Promise<Overview> =>
    read().catch((error: unknown) => {
      if (!closing.aborted) onError(error, "overview");
      return unread(last?.overview);
    });
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    while (listeners.size > 0 && !closing.aborted) {
      const overview = await readOrReport();
      for (const listener of listeners) listener(overview);
      await systemClock.sleep(everyMs, closing);
    }
    isLooking = false;
  };
  return {
    now: async () => fresh() ?? read(),
    onOverview: (listener) => {
      listeners.add(listener);
      const known = fresh();
      if (known !== undefined) listener(known);
      void look();
      return () => listeners.delete(listener);
    },
  };
};
