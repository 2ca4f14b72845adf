// How a unit is worked on, and when a run ends.

import { describe, expect, test } from "@jest/globals";
import type { MessageOutcome } from "@sluice/core/envelope";
import { fakeClock } from "@sluice/local";
import {
  type BackfillOptions,
  backfill,
  type Invoke,
  newRun,
  type RecordFailure,
  type RunState,
  type SourcePage,
  TooManyFailuresError,
  type Unit,
  type WorkOptions,
  work,
} from "../../src/index.ts";
import { SourceError } from "../../src/source/source.ts";
import { asOf, memorySource, origin, type Pages } from "./memory-source.ts";

const answering =
  (outcomeOf: (id: string) => Partial<MessageOutcome> = () => ({})): Invoke =>
  async ({ Records }) => ({
    outcomes: Records.map(({ eventID = "", dynamodb }) => ({
      itemIdentifier: eventID,
      outcome: "delivered",
      ...outcomeOf((dynamodb?.Keys?.id as { S: string } | undefined)?.S ?? ""),
    })),
    routes: [],
  });

const rejecting = answering((id) => (id.endsWith("bad") ? { outcome: "rejected", code: "NO", message: "no" } : {}));

const workOn = async (pages: Pages, options: Partial<WorkOptions> = {}) => {
  const source = memorySource(pages);
  const [unit] = await source.units();
  const result = await work({
    source,
    unit: unit as Unit,
    after: undefined,
    invoke: answering(),
    signal: new AbortController().signal,
    ...options,
  });
  return { result, reads: source.reads() };
};

const pages: Pages = [[["a", "b"], ["c"], ["d", "e"]]];

describe("work", () => {
  test("does a unit to its end, or from a cursor", async () => {
    const { result } = await workOn(pages);
    expect(result).toMatchObject({
      isDone: true,
      cursor: undefined,
      counts: { records: 5, delivered: 5, readUnits: 3 },
    });
    expect((await workOn(pages, { after: "2" })).result).toMatchObject({ isDone: true, counts: { records: 2 } });
  });

  test("ends at a page's end when its time is over; the cursor continues there", async () => {
    const { result } = await workOn(pages, { isOver: () => true });
    expect(result).toMatchObject({ isDone: false, cursor: "1", counts: { records: 2 } });
  });

  test("reads the next page while the present one is written, and no more", async () => {
    const source = memorySource(pages);
    const reads: number[] = [];
    const invoke: Invoke = async (event, signal) => {
      await new Promise((resolve) => setImmediate(resolve));
      reads.push(source.reads());
      return answering()(event, signal);
    };
    await workOn(pages, { source, invoke });
    expect(reads).toEqual([2, 3, 3]);
  });

  test("a signal ends it after the page in flight", async () => {
    const controller = new AbortController();
    const invoke: Invoke = async (event, signal) => {
      controller.abort();
      return answering()(event, signal);
    };
    const { result } = await workOn(pages, { invoke, signal: controller.signal });
    expect(result).toMatchObject({ isDone: false, cursor: "1", counts: { records: 2, delivered: 2 } });
  });

  test("a page with records that must wait is dropped when the work ends; the cursor stays before it", async () => {
    const controller = new AbortController();
    const invoke: Invoke = async (event, signal) => {
      if (event.Records.length === 1) controller.abort();
      const retried = { outcome: "retried", code: "SINK_THROTTLED" } as const;
      return answering(() => (controller.signal.aborted ? retried : {}))(event, signal);
    };
    const { result } = await workOn(pages, { invoke, signal: controller.signal, clock: fakeClock() });
    expect(result).toMatchObject({ isDone: false, cursor: "1", counts: { records: 2 } });
  });

  test("the failures are in the result, or are handed over before the page counts", async () => {
    const bad: Pages = [[["a-bad"], ["b", "c-bad"]]];
    const { result } = await workOn(bad, { invoke: rejecting });
    expect(result.failures.map(({ keys }) => keys)).toEqual([{ id: { S: "a-bad" } }, { id: { S: "c-bad" } }]);
    const events: string[] = [];
    const handed = await workOn(bad, {
      invoke: rejecting,
      onFailures: async (failures) => void events.push(`${failures.length} failed`),
      onPage: async ({ cursor }) => void events.push(`page to ${cursor}`),
    });
    expect(handed.result.failures).toEqual([]);
    expect(events).toEqual(["1 failed", "page to 1", "1 failed", "page to undefined"]);
  });

  test("failures that cannot be handed over end the work", async () => {
    const onFailures = async (): Promise<void> => {
      throw new Error("the disk is full");
    };
    await expect(workOn([[["a-bad"]]], { invoke: rejecting, onFailures })).rejects.toThrow("the disk is full");
  });

  test("a source that ends without its last page is an error, and no end", async () => {
    async function* cut(): AsyncGenerator<SourcePage> {
      yield { records: [], cursor: "1", readUnits: 0 };
    }
    await expect(workOn(pages, { source: { ...memorySource(pages), pages: cut } })).rejects.toThrow(
      /segment 0\/1 ended without its last page/,
    );
  });

  test("a source that fails ends the work, after the page before was written", async () => {
    const written: string[] = [];
    const source = memorySource(pages, (read) => {
      if (read === 2) throw new SourceError("the table is gone");
    });
    const onPage = async ({ cursor = "end" }): Promise<void> => void written.push(cursor);
    await expect(workOn(pages, { source, onPage })).rejects.toThrow("the table is gone");
    expect(written).toEqual(["1"]);
  });
});

const subject = { pipeline: "shop", source: "table orders", tableArn: "arn", streamArn: origin.streamArn };

const run = async (given: Pages, options: Partial<BackfillOptions> = {}) => {
  const source = memorySource(given);
  const state = newRun("r-1", subject, { asOf, now: 0, units: await source.units() });
  const saved: RunState[] = [];
  const failures: RecordFailure[] = [];
  const ended = await backfill({
    source,
    state,
    store: { save: async (next) => void saved.push(next) },
    invoke: rejecting,
    signal: new AbortController().signal,
    onFailures: async (some) => void failures.push(...some),
    clock: fakeClock(),
    ...options,
  }).catch((error: unknown) => error as Error);
  return { ended, saved, failures };
};

const pagesOf = (pageCount: number, pageSize: number, badPerPage: number): Pages => [
  Array.from({ length: pageCount }, (_, page) =>
    Array.from({ length: pageSize }, (_, index) => `o-${page}-${index}${index < badPerPage ? "-bad" : ""}`),
  ),
];

describe("a run", () => {
  test("ends after more than 100 failures; the page with too many is not finished", async () => {
    const { ended, saved, failures } = await run(pagesOf(30, 1_000, 30));
    expect(ended).toBeInstanceOf(TooManyFailuresError);
    expect(String(ended)).toMatch(/120 records failed; expected at most 100/);
    expect(failures).toHaveLength(120);
    const [unit] = saved.at(-1)?.units ?? [];
    expect(unit).toMatchObject({ cursor: "3", isDone: false, counts: { records: 3_000, rejected: 90 } });
  });

  test("ends when more than 5 % of the first 1,000 records failed", async () => {
    const { ended } = await run(pagesOf(10, 100, 10));
    expect(String(ended)).toMatch(/60 of the first 600 records failed; expected at most 5 %/);
    expect(await run(pagesOf(10, 100, 5))).toMatchObject({ ended: { isDone: true, counts: { rejected: 50 } } });
  });

  test("a limit of the user replaces both", async () => {
    expect(await run(pagesOf(10, 100, 10), { maxFailures: 100 })).toMatchObject({ ended: { isDone: true } });
    expect(String((await run(pagesOf(1, 10, 1), { maxFailures: 0 })).ended)).toMatch(/1 records failed/);
  });

  test("saves its state before the first record, and after the last", async () => {
    const { saved } = await run(pages);
    expect(saved[0]?.units[0]).toMatchObject({ isDone: false, counts: { records: 0 } });
    expect(saved.at(-1)?.units[0]).toMatchObject({ isDone: true, counts: { records: 5 } });
    expect(saved).toHaveLength(2);
    expect((await run(pages, { saveEveryMs: 0 })).saved.length).toBe(5);
  });

  test("a save that fails ends the run with its error", async () => {
    let saves = 0;
    const save = async (): Promise<void> => {
      saves += 1;
      if (saves > 1) throw new Error("taken");
    };
    const { ended } = await run(pages, { store: { save }, saveEveryMs: 0 });
    expect(ended).toEqual(new Error("taken"));
    expect(saves).toBe(2);
  });

  test("workers share the units, and each takes the next one when it is done", async () => {
    const slow: Pages = [[["slow"]], [["a"]], [["b"]], [["c"]], [["d"]]];
    const order: string[] = [];
    let release: () => void = () => undefined;
    // The slow unit ends only after all others.
    const others = new Promise<void>((resolve) => {
      release = resolve;
    });
    const invoke: Invoke = async (event, signal) => {
      const id = (event.Records[0]?.dynamodb?.Keys?.id as { S: string } | undefined)?.S ?? "";
      if (id === "slow") await others;
      order.push(id);
      if (id === "d") release();
      return answering()(event, signal);
    };
    const { ended } = await run(slow, { invoke, workers: 2 });
    expect(ended).toMatchObject({ isDone: true });
    expect(order).toEqual(["a", "b", "c", "d", "slow"]);
  });

  test("a unit whose source fails for a moment is repeated from its last page; not if it fails for good", async () => {
    const failing = (isTransient: boolean) =>
      memorySource(pages, (read) => {
        if (read === 2 || read === 4) throw new SourceError("throttled", { isTransient });
      });
    expect(await run(pages, { source: failing(true) })).toMatchObject({
      ended: { isDone: true, counts: { records: 5 } },
    });
    expect(await run(pages, { source: failing(false) })).toMatchObject({ ended: new SourceError("throttled") });
  });

  test("a unit whose source always fails ends the run", async () => {
    const source = memorySource(pages, () => {
      throw new SourceError("down", { isTransient: true });
    });
    expect(await run(pages, { source })).toMatchObject({ ended: { message: "down" } });
    expect(source.reads()).toBe(5);
  });
});
