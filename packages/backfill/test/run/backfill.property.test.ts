// Random pages, failures, kills and restarts: every item ends in the target or among the failures, and the counts add up.

import { expect, test } from "@jest/globals";
import { pipeline, type UnknownItem } from "@sluice/core";
import { fakeClock } from "@sluice/local";
import { lambdaContext, memoryUpsertSink } from "@sluice/testing";
import fc from "fast-check";
import {
  backfill,
  FunctionUnreachableError,
  type Invoke,
  newRun,
  type RecordFailure,
  type RunState,
  runTotals,
} from "../../src/index.ts";
import { stateIn, stateText } from "../../src/run/state-text.ts";
import { SourceError } from "../../src/source/source.ts";
import { asOf, idsIn, memorySource, origin, type Pages } from "./memory-source.ts";

const silent = { info: () => undefined, warn: () => undefined };

/** Two routes with a target each. The mapper of the first one refuses some items, the filter of the second one most. */
const openShop = () => {
  const orders = memoryUpsertSink<UnknownItem>({ name: "orders" });
  const some = memoryUpsertSink<UnknownItem>({ name: "some" });
  const handler = pipeline("shop", { onReject: "block", logger: silent, retry: { maxAttempts: 1 } })
    .to(orders, ({ after }) => {
      if (String((after as UnknownItem).id).endsWith("bad")) throw new TypeError("refused");
      return after as UnknownItem;
    })
    .when((item) => String((item as UnknownItem).id).includes("7"))
    .to(some, ({ after }) => after as UnknownItem)
    .handler();
  const invoke: Invoke = async (event) => (await handler(event, lambdaContext())) as never;
  return { orders, some, invoke };
};

const idsOf = (sink: ReturnType<typeof memoryUpsertSink<UnknownItem>>): string[] =>
  [...sink.items().values()].map(({ id }) => String(id)).sort();

const pagesArbitrary: fc.Arbitrary<Pages> = fc
  .array(fc.array(fc.array(fc.constantFrom("", "bad"), { maxLength: 5 }), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((units) => {
    let next = 0;
    return units.map((pages) => pages.map((page) => page.map((suffix) => `o-${next++}${suffix}`)));
  });

/** What happens to each request of a process: the function fails, the process is interrupted, or the process dies. */
type Fault = "throw" | "interrupt" | "kill" | "source" | "none";

const faultArbitrary = fc.array(
  fc.constantFrom<Fault>("throw", "interrupt", "kill", "source", "none", "none", "none"),
  {
    maxLength: 40,
  },
);

class Killed extends FunctionUnreachableError {}

interface Faults {
  readonly nextFault: () => Fault;
  readonly isDead: () => boolean;
  readonly kill: () => void;
  readonly interrupt: () => void;
}

const faultyInvoke =
  (invoke: Invoke, { nextFault, isDead, kill, interrupt }: Faults): Invoke =>
  async (event, signal) => {
    const fault = nextFault();
    if (isDead()) throw new Killed("dead");
    if (fault === "throw") throw new TypeError("crashed");
    if (fault === "interrupt") interrupt();
    const answer = await invoke(event, signal);
    if (fault !== "kill") return answer;
    // The process dies after the function has written.
    kill();
    throw new Killed("killed");
  };

const subject = { pipeline: "shop", source: "table orders", tableArn: "arn", streamArn: origin.streamArn };

/** Runs the run in one process after the other, until it is done. The store is a text. */
const runToEnd = async (pages: Pages, faults: readonly Fault[], workers: number) => {
  const shop = openShop();
  const failures: RecordFailure[] = [];
  const left = [...faults];
  let stored: string | undefined;
  let processes = 0;
  for (;;) {
    processes += 1;
    let isDead = false;
    const interrupt = new AbortController();
    const source = memorySource(pages, () => {
      if (left[0] !== "source") return;
      left.shift();
      throw new SourceError("throttled", { isTransient: true });
    });
    const state: RunState =
      stored === undefined
        ? newRun("r-1", subject, { asOf, now: 0, units: await source.units() })
        : stateIn(stored, "r-1", "the text");
    const before = runTotals(state);
    const invoke = faultyInvoke(shop.invoke, {
      // "source" belongs to reads.
      nextFault: () => (left[0] === "source" ? "none" : (left.shift() ?? "none")),
      isDead: () => isDead,
      kill: () => {
        isDead = true;
      },
      interrupt: () => interrupt.abort(),
    });
    const result = await backfill({
      source,
      state,
      store: {
        save: async (next) => {
          if (!isDead) stored = stateText(next);
        },
      },
      invoke,
      workers,
      maxFailures: Number.MAX_SAFE_INTEGER,
      limits: { maxRecords: 3, maxAttempts: 50 },
      signal: interrupt.signal,
      onFailures: async (page) => void failures.push(...page),
      saveEveryMs: processes % 2 === 0 ? 0 : 1e9,
      clock: fakeClock(),
    }).catch((error: unknown) => {
      // A source that fails five times in a row ends the run, as a kill does.
      if (error instanceof Killed || error instanceof SourceError) return undefined;
      throw error;
    });
    expect(runTotals(stateIn(stored ?? "", "r-1", "the text")).records).toBeGreaterThanOrEqual(before.records);
    if (result?.isDone) return { shop, failures, result, processes };
    expect(processes).toBeLessThan(100);
  }
};

test("every item ends in the target or among the failures, through kills, interrupts and crashes", async () => {
  await fc.assert(
    fc.asyncProperty(pagesArbitrary, faultArbitrary, fc.integer({ min: 1, max: 3 }), async (pages, faults, workers) => {
      const { shop, failures, result } = await runToEnd(pages, faults, workers);
      const all = idsIn(pages);
      const bad = all.filter((id) => id.endsWith("bad"));
      expect(idsOf(shop.orders)).toEqual(all.filter((id) => !bad.includes(id)).sort());
      expect(idsOf(shop.some)).toEqual(all.filter((id) => id.includes("7")).sort());
      const failed = new Set(failures.map(({ keys }) => (keys.id as { S: string }).S));
      expect([...failed].sort()).toEqual([...bad].sort());
      const { records, delivered, superseded, filtered, rejected, retried } = result.counts;
      expect(records).toBe(all.length);
      expect(delivered + superseded + filtered + rejected + retried).toBe(records);
      expect(rejected).toBe(bad.length);
      expect(retried).toBe(0);
      expect(runTotals(result.state)).toEqual(result.counts);
    }),
    { numRuns: 60 },
  );
});

test("a run that is run twice writes nothing new", async () => {
  const pages: Pages = [[["a", "b"], ["c"]], [["d"]]];
  const { shop, result } = await runToEnd(pages, [], 2);
  expect(result.counts).toMatchObject({ records: 4, delivered: 4 });
  const again = await backfill({
    source: memorySource(pages),
    state: newRun("r-2", subject, { asOf, now: 0, units: await memorySource(pages).units() }),
    store: { save: async () => undefined },
    invoke: shop.invoke,
    signal: new AbortController().signal,
    onFailures: async () => undefined,
  });
  expect(again.counts).toMatchObject({ records: 4, superseded: 4 });
});
