// A sink stops when the signal aborts: C14.

import type { SpecimenTable } from "../../records/specimen.ts";
import type { Case } from "../case.ts";
import { expectEqual, expectThat, within } from "../expectation.ts";
import { deliverAll, type Harness, type SpecimenChange } from "../harness.ts";
import { expectNoRequests, untilRequested } from "../quiet.ts";
import { retriedOf, type WriteOutcomes } from "../write-outcomes.ts";

/** `write` must end within this time after the signal aborts. Without a limit, a hanging sink would block the case. */
const settleMs = 5_000;

/** If the target limits the entries of a request, this batch needs two requests. The second request must not start. */
const batchOf = ({ limits }: Harness, table: SpecimenTable): readonly SpecimenChange[] =>
  table.putMany(Math.min((limits.maxEntries ?? 2) + 1, 1_000));

const expectAllRetried = async (written: Promise<WriteOutcomes>, changes: readonly SpecimenChange[]) => {
  const outcomes = await within(settleMs, written, "write after the signal aborted");
  expectEqual(retriedOf(outcomes, changes).length, changes.length, "deliveries that are retried");
};

/** The cases of an aborted signal. */
export const deadlineCases: readonly Case[] = [
  {
    id: "C14",
    name: "after the signal has aborted no request starts, and every delivery is retried",
    run: async (harness, table) => {
      const changes = batchOf(harness, table);
      const before = harness.requests();
      await expectAllRetried(harness.write(changes, { signal: AbortSignal.abort() }), changes);
      await expectNoRequests(harness, before, "after the signal");
      await harness.expectHeld([]);
    },
  },
  {
    id: "C14",
    name: "a target that hangs does not block write: write ends when the signal aborts, and starts no further request",
    needs: ["hang"],
    run: async (harness, table) => {
      const changes = batchOf(harness, table);
      const invocation = new AbortController();
      const before = harness.requests();
      await harness.fail({ kind: "hang" });
      const written = harness.write(changes, { signal: invocation.signal });
      written.catch(() => undefined);
      await untilRequested(harness, before);
      const started = harness.requests();
      expectThat(started > before, "requests before the signal aborted", 0, "at least one");
      invocation.abort();
      await expectAllRetried(written, changes);
      await expectNoRequests(harness, started, "after the signal");
      await harness.endFault();
      await deliverAll(harness, changes);
      await harness.expectHeld(changes, "allowed");
    },
  },
];
