// The dead letters of a queue with what was done to them: selection, runs and outcomes.

import { useEffect, useMemo, useState } from "preact/hooks";
import type { QueueAbout } from "../../api/about.ts";
import type { DeadLetterPage, DeadLetterResult, DeadLetterRow } from "../../api/dead-letters.ts";
import { isLive, type RedriveInput, type RunView } from "../../api/runs.ts";
import { get, post } from "../client.ts";
import { type Loaded, useLoad } from "../parts/use-load.ts";
import { isGone, type LetterOutcome } from "./dead-letter-groups.ts";
import { useRun } from "./use-run.ts";

/** The dead letters of a queue. */
export interface Letters {
  readonly page: Loaded<DeadLetterPage>;
  /** Those of the queue, and those that left the queue while the page looked. */
  readonly rows: readonly DeadLetterRow[];
  readonly outcomes: ReadonlyMap<string, LetterOutcome>;
  /** The last redrive or dry run. */
  readonly run: RunView | undefined;
  readonly startError: unknown;
  readonly isBusy: boolean;
  readonly redrive: (ids: readonly string[], isDryRun: boolean) => Promise<void>;
  readonly addResults: (results: readonly DeadLetterResult[], isDryRun: boolean) => void;
  /** Reads the queue again and forgets the outcomes. */
  readonly startOver: () => void;
}

const none: ReadonlyMap<string, LetterOutcome> = new Map();

/** Reads a queue, and redrives from it. */
export const useLetters = ({ url, pipeline }: QueueAbout): Letters => {
  const page = useLoad(url, () => get<DeadLetterPage>("/api/dead-letters", { queue: url }));
  const [outcomes, setOutcomes] = useState(none);
  const [gone, setGone] = useState<readonly DeadLetterRow[]>([]);
  const [started, setStarted] = useState<RunView>();
  const [startError, setStartError] = useState<unknown>();
  const [isStarting, setStarting] = useState(false);
  const run = useRun(started?.id, started);
  const rows = useMemo(() => {
    const present = page.value?.rows ?? [];
    const ids = new Set(present.map(({ id }) => id));
    return [...present, ...gone.filter(({ id }) => !ids.has(id))];
  }, [page.value, gone]);

  const addResults = (results: readonly DeadLetterResult[], isDryRun: boolean): void => {
    const next = new Map(outcomes);
    for (const result of results) next.set(result.id, { result, isDryRun });
    setOutcomes(next);
    setGone(rows.filter(({ id }) => isGone(next.get(id))));
    if (!isDryRun) page.reload();
  };

  const isOver = run !== undefined && !isLive(run.state);
  useEffect(() => {
    if (run === undefined || !isOver) return;
    const isDryRun = run.input.kind === "redrive" && run.input.isDryRun === true;
    addResults(run.result?.deadLetters ?? [], isDryRun);
  }, [run?.id, isOver]);

  const redrive = async (ids: readonly string[], isDryRun: boolean): Promise<void> => {
    const input: RedriveInput = { kind: "redrive", pipeline, queueUrl: url, ids, ...(isDryRun ? { isDryRun } : {}) };
    setStarting(true);
    setStartError(undefined);
    try {
      setStarted(await post<RunView>("/api/runs", input));
    } catch (error) {
      setStartError(error);
    } finally {
      setStarting(false);
    }
  };

  const startOver = (): void => {
    setOutcomes(none);
    setGone([]);
    page.reload();
  };

  const isBusy = isStarting || (run !== undefined && isLive(run.state));
  return { page, rows, outcomes, run, startError, isBusy, redrive, addResults, startOver };
};
