// A sink stops before Lambda does: C14.

import { setTimeout } from "node:timers/promises";
import { specimenTable } from "../../records/specimen.ts";
import type { Case } from "../case.ts";
import { expectEqual, expectThat, within } from "../expectation.ts";
import { type Bench, comesAgain, deliverAll, type SpecimenChange } from "../harness.ts";

/** How long a sink may take to settle after the signal. A silent target would take for ever. */
const settleMs = 3_000;

/** Requests that a sink starts at once are seen after this long: then the signal aborts. */
const quietMs = 30;

const batchOf = (bench: Bench): readonly SpecimenChange[] => {
  const table = specimenTable();
  // Over the limit of one request, where there is one: the second request must not be started.
  const count = Math.min((bench.limits.maxEntries ?? 2) + 1, 1_000);
  return Array.from({ length: count }, (_, index) => table.put(`item-${index}`));
};

const expectAllComeAgain = async (bench: Bench, changes: readonly SpecimenChange[], signal: AbortSignal) => {
  const written = await within(settleMs, bench.write(changes, { signal }), "write after the signal aborted");
  const again = changes.filter((change) => comesAgain(written, change));
  expectEqual(again.length, changes.length, "deliveries that come again");
};

const untilRequested = async (bench: Bench, before: number): Promise<void> => {
  const until = Date.now() + settleMs;
  while (bench.requests() === before && Date.now() < until) await setTimeout(5);
  await setTimeout(quietMs);
  expectThat(bench.requests() > before, "requests before the signal aborted", 0, "at least one");
};

export const deadlineCases: readonly Case[] = [
  {
    id: "C14",
    name: "after the signal has aborted no request is started, and every delivery comes again",
    run: async (bench) => {
      const changes = batchOf(bench);
      const before = bench.requests();
      await expectAllComeAgain(bench, changes, AbortSignal.abort());
      await setTimeout(quietMs);
      expectEqual(bench.requests() - before, 0, "requests after the signal");
      await bench.expectHeld([]);
    },
  },
  {
    id: "C14",
    name: "a silent target does not hold up write: it settles when the signal aborts, and starts no request more",
    needs: ["hang"],
    run: async (bench) => {
      const changes = batchOf(bench);
      const invocation = new AbortController();
      const before = bench.requests();
      await bench.fail({ kind: "hang" });
      const settled = expectAllComeAgain(bench, changes, invocation.signal);
      settled.catch(() => undefined);
      await untilRequested(bench, before);
      const started = bench.requests();
      invocation.abort();
      await settled;
      await setTimeout(quietMs);
      expectEqual(bench.requests() - started, 0, "requests after the signal");
      await bench.heal();
      await deliverAll(bench, changes);
      await bench.expectHeld(changes, "allowed");
    },
  },
];
