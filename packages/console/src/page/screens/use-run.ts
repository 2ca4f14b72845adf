// One run, as it goes on: from the live answer, and, while the page is not connected, by asking.

import { useEffect, useState } from "preact/hooks";
import { isLive, type RunView } from "../../api/runs.ts";
import { get } from "../client.ts";
import { connection, liveRuns } from "../live.ts";

const askEveryMs = 2000;

const newer = (one: RunView | undefined, other: RunView | undefined): RunView | undefined => {
  if (one === undefined || other === undefined) return one ?? other;
  if (!isLive(one.state)) return one;
  return isLive(other.state) && (one.progress?.done ?? 0) > (other.progress?.done ?? 0) ? one : other;
};

/** Follows a run. @param started the run as its start was answered. */
export const useRun = (id: string | undefined, started: RunView | undefined): RunView | undefined => {
  const [asked, setAsked] = useState<RunView | undefined>(undefined);
  const live = id === undefined ? undefined : liveRuns.value.get(id);
  const known = asked?.id === id ? asked : undefined;
  const run = live ?? newer(known, started?.id === id ? started : undefined);
  const isWaiting = id !== undefined && (run === undefined || isLive(run.state));
  const isHeard = connection.value === "live" && live !== undefined;
  useEffect(() => {
    if (!isWaiting || isHeard) return undefined;
    const ask = (): void => {
      get<readonly RunView[]>("/api/runs").then(
        (runs) => setAsked(runs.find((one) => one.id === id)),
        // The bar of the connection says that the console does not answer.
        () => undefined,
      );
    };
    const timer = setInterval(ask, askEveryMs);
    return () => clearInterval(timer);
  }, [id, isWaiting, isHeard]);
  return run;
};
