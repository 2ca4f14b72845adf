// Asks the host for the overview: one call at a time for all pages, and on a timer only while a page looks.

import { untilAborted } from "@sluice/core/sink-kit";
import type { Overview } from "../api/overview.ts";
import type { ConsoleHost } from "../host.ts";
import { HttpError } from "./http-error.ts";

/** Longest time that the host may take. */
const timeoutMs = 30_000;

/** The shared overview. */
export interface OverviewWatch {
  /** The overview now: of a call that began before the answer was wanted, if there is one. */
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

/** What pages see if the host fails: the last numbers, and the problem. */
const unread = (last: Overview | undefined): Overview => ({
  at: Date.now(),
  pipelines: last?.pipelines ?? [],
  routes: last?.routes ?? [],
  queues: last?.queues ?? [],
  problems: ["the overview could not be read; the console's log names the error"],
});

/** Creates the shared overview of a host. */
export const watchOverview = ({ host, closing, onError }: OverviewWatchOptions): OverviewWatch => {
  const listeners = new Set<(overview: Overview) => void>();
  let call: Promise<Overview> | undefined;
  let last: Overview | undefined;
  let timer: NodeJS.Timeout | undefined;

  const ask = async (): Promise<Overview> => {
    const signal = AbortSignal.any([closing, AbortSignal.timeout(timeoutMs)]);
    const late = (): Error =>
      closing.aborted ? new HttpError("CLOSING", "the console ends") : new HttpError("TIMEOUT", "no overview in time");
    last = await untilAborted(host.overview(signal), signal, late);
    return last;
  };
  const now = (): Promise<Overview> => {
    call ??= ask().finally(() => {
      call = undefined;
    });
    return call;
  };
  const look = async (): Promise<void> => {
    const overview = await now().catch((error: unknown) => {
      if (!closing.aborted) onError(error, "overview");
      return unread(last);
    });
    for (const listener of listeners) listener(overview);
  };
  const next = (): void => {
    if (listeners.size === 0 || closing.aborted) return;
    timer = setTimeout(() => void run(), host.everyMs ?? 1_000);
  };
  const run = async (): Promise<void> => {
    await look();
    next();
  };
  return {
    now,
    onOverview: (listener) => {
      listeners.add(listener);
      if (last !== undefined) listener(last);
      if (listeners.size === 1) {
        clearTimeout(timer);
        void run();
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) clearTimeout(timer);
      };
    },
  };
};
