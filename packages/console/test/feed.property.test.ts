import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { ChangeFeed, ChangeFilter, ChangePage, ChangeRow, RouteNow, RowOutcome } from "../src/index.ts";
import { createFeed } from "../src/index.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const outcomes: readonly RowOutcome[] = ["delivered", "superseded", "filtered", "rejected", "retried"];
const routes = ["rows", "mails"].map((route) => ({ pipeline: "orders", route }));

type NewRow = Omit<ChangeRow, "seq">;

const key = fc.oneof(
  fc.constantFrom("A", "b", "ab").map((id) => ({ id: { S: id } })),
  fc.constantFrom("1", "12").map((at) => ({ id: { S: "a" }, at: { N: at } })),
  fc.constant(undefined),
);
const newRow: fc.Arbitrary<NewRow> = fc.record({
  at: fc.nat(),
  pipeline: fc.constantFrom("orders", "users"),
  route: fc.constantFrom("rows", "mails"),
  origin: fc.constant("stream"),
  eventId: fc.constant("e"),
  keys: key,
  kind: fc.constantFrom("insert" as const, "modify" as const, "remove" as const, undefined),
  version: fc.constant("v"),
  outcome: fc.constantFrom(...outcomes),
  code: fc.constantFrom("SINK_REJECTED", "SINK_TIMEOUT"),
  attempts: fc.constant(1),
});

interface AddStep {
  readonly do: "add";
  readonly rows: readonly NewRow[];
}
interface WaitStep {
  readonly do: "wait";
  readonly ms: number;
}
interface MeasureStep {
  readonly do: "measure";
  readonly route: string;
  readonly lagMs: number | undefined;
  readonly pending: number | undefined;
}
type Step = AddStep | WaitStep | MeasureStep;

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("add" as const), rows: fc.array(newRow, { maxLength: 12 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.oneof(fc.integer({ min: -3_000, max: 5_000 }), fc.integer({ min: 0, max: 2_000_000 })),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("measure" as const),
      route: fc.constantFrom("rows", "mails"),
      lagMs: fc.option(fc.nat(100_000), { nil: undefined }),
      pending: fc.option(fc.nat(5), { nil: undefined }),
    }),
  },
);

const filter: fc.Arbitrary<ChangeFilter> = fc.record(
  {
    pipeline: fc.constantFrom("orders", "users", "none"),
    route: fc.constantFrom("rows", "mails"),
    outcome: fc.constantFrom(...outcomes),
    code: fc.constant("SINK_TIMEOUT"),
    kind: fc.constantFrom("insert" as const, "remove" as const),
    key: fc.constantFrom("a", "B", "a,1", "zzz", ","),
  },
  { requiredKeys: [] },
);

/** The feed as one would write it without a thought for memory: all that ever happened, in lists. */
const naiveFeed = (capacity: number, began: number) => {
  const rows: ChangeRow[] = [];
  const counted: { readonly second: number; readonly row: NewRow }[] = [];
  const measured: { readonly second: number; readonly step: MeasureStep }[] = [];
  const held = (): ChangeRow[] => rows.slice(-capacity);
  const isWanted = (row: ChangeRow, wanted: ChangeFilter): boolean =>
    (["pipeline", "route", "outcome", "code", "kind"] as const).every(
      (name) => wanted[name] === undefined || wanted[name] === row[name],
    ) &&
    (wanted.key === undefined ||
      (row.keys !== undefined &&
        Object.values(row.keys)
          .map((value) => Object.values(value)[0] as string)
          .join(",")
          .toLowerCase()
          .includes(wanted.key.toLowerCase())));
  const seconds = (second: number): number[] => Array.from({ length: 900 }, (_, index) => second - 900 + index);
  return {
    tell: (one: AddStep | MeasureStep, second: number): void => {
      if (one.do === "measure") measured.push({ second, step: one });
      else {
        for (const row of one.rows) {
          rows.push({ seq: rows.length + 1, ...row });
          counted.push({ second, row });
        }
      }
    },
    page: (wanted: ChangeFilter, before: number | undefined, limit: number): ChangePage => {
      const found = held()
        .filter((row) => isWanted(row, wanted) && row.seq < (before ?? Number.POSITIVE_INFINITY))
        .reverse();
      return { rows: found.slice(0, limit), hasMore: found.length > limit };
    },
    ofItem: (pipeline: string, keys: unknown): ChangeRow[] =>
      held().filter((row) => row.pipeline === pipeline && JSON.stringify(row.keys) === JSON.stringify(keys)),
    route: (pipeline: string, route: string, second: number): RouteNow => {
      const own = counted.filter(({ row }) => row.pipeline === pipeline && row.route === route);
      const measures = measured.filter(({ step: one }) => one.route === route && pipeline === "orders");
      const isFailure = (outcome: RowOutcome): boolean => outcome === "rejected" || outcome === "retried";
      const series = (fails: boolean): number[] =>
        seconds(second).map(
          (one) => own.filter((entry) => entry.second === one && isFailure(entry.row.outcome) === fails).length,
        );
      const lagMs = seconds(second).map((one) => {
        const lags = measures.flatMap((entry) =>
          entry.second === one && entry.step.lagMs !== undefined ? [entry.step.lagMs] : [],
        );
        return lags.length === 0 ? null : Math.max(...lags);
      });
      const lags = lagMs.filter((lag) => lag !== null).sort((a, b) => a - b);
      const window = Math.min(10, second - began);
      const recent = own.filter((entry) => entry.second < second && entry.second >= second - window).length;
      const pendings = measures.filter((entry) => entry.step.pending !== undefined);
      return {
        pipeline,
        route,
        lagMs: measures.findLast((entry) => entry.step.lagMs !== undefined)?.step.lagMs,
        lagP95Ms: lags.find((lag) => lags.filter((other) => other <= lag).length >= 0.95 * lags.length),
        pending: pendings.at(-1)?.step.pending,
        pendingAgeMs: undefined,
        counts: Object.fromEntries(
          outcomes.map((outcome) => [outcome, own.filter(({ row }) => row.outcome === outcome).length]),
        ) as RouteNow["counts"],
        perSecond: window === 0 ? 0 : recent / window,
        series: { from: (second - 900) * 1_000, stepMs: 1_000, settled: series(false), failed: series(true), lagMs },
      };
    },
  };
};

const tell = (feed: ChangeFeed, step: AddStep | MeasureStep): void => {
  if (step.do === "add") {
    feed.add(step.rows);
    return;
  }
  const { route, lagMs, pending } = step;
  feed.measure([{ pipeline: "orders", route, at: 0, lagMs, pending, pendingAgeMs: undefined }]);
};

test(`a feed is what a list of everything would be, seed ${seed}`, () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(step, { maxLength: 25 }),
      fc.array(fc.tuple(filter, fc.option(fc.nat(60), { nil: undefined }), fc.integer({ min: 1, max: 8 })), {
        maxLength: 5,
      }),
      (capacity, steps, questions) => {
        let now = 1_795_000_000_000;
        let second = Math.floor(now / 1_000);
        const feed = createFeed({ capacity, clock: { now: () => now } });
        const naive = naiveFeed(capacity, second);
        const heard: ChangeRow[] = [];
        /** The clock of a machine can be set back. Counters never go back, once they have seen a second. */
        const tick = (one?: Step): void => {
          if (one?.do === "add" && one.rows.length === 0) return;
          second = Math.max(second, Math.floor(now / 1_000));
        };
        feed.onRows((rows) => heard.push(...rows));
        for (const one of steps) {
          if (one.do === "wait") now += one.ms;
          else {
            tick(one);
            tell(feed, one);
            naive.tell(one, second);
          }
        }
        tick();
        for (const [wanted, before, limit] of questions) {
          expect(feed.page(wanted, before, limit)).toEqual(naive.page(wanted, before, limit));
        }
        for (const keys of [{ id: { S: "ab" } }, { id: { S: "a" }, at: { N: "12" } }]) {
          expect(feed.ofItem("orders", keys)).toEqual(naive.ofItem("orders", keys));
        }
        expect(feed.routes(routes)).toEqual(routes.map(({ pipeline, route }) => naive.route(pipeline, route, second)));
        expect(heard.map(({ seq }) => seq)).toEqual(heard.map((_, index) => index + 1));
      },
    ),
    { seed, numRuns: Number(process.env.RUNS ?? 150) },
  );
});
