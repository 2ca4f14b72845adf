import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { FakeStreams } from "../../src/index.ts";
import { change, failing, nameOf, openRig, type Script } from "./rig.ts";

// These tests vary shards, workers, latencies, failures and restarts. Every change must be delivered, but not before
// the earlier changes of its item are finished. Two concurrent batches must never contain changes of the same item.

interface Step {
  readonly key: number;
  /** Number of times that this change is reported as failed before it succeeds. */
  readonly failures: number;
  /** Whether the shard splits after this change. */
  readonly splits: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  key: fc.nat(5),
  failures: fc.constantFrom(0, 0, 0, 1, 2),
  splits: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
});

/** Splits every shard. In the returned list, an item's new shard (at `key % length`) is a child of its old shard. */
const splitAll = (stream: FakeStreams, shards: readonly string[]): readonly string[] => {
  const pairs = shards.map((shard) => stream.splitShard(shard));
  return [...pairs.map(([left = ""]) => left), ...pairs.map(([, right = ""]) => right)];
};

/** Writes the changes, and returns their names (`<key>/<number>`). When a shard splits, the children get its items. */
const write = (stream: FakeStreams, steps: readonly Step[]): string[] => {
  const counts = new Map<number, number>();
  let shards: readonly string[] = [stream.addShard()];
  return steps.map(({ key, splits }) => {
    const number = (counts.get(key) ?? 0) + 1;
    counts.set(key, number);
    const name = `${key}/${number}`;
    stream.append(shards[key % shards.length] ?? "", change(name, String(key)));
    if (splits) shards = splitAll(stream, shards);
    return name;
  });
};

const watcher = () => {
  const done = new Set<string>();
  const inFlight = new Set<string>();
  const violations: string[] = [];
  const isInOrder = (name: string, before: ReadonlySet<string>): boolean => {
    const [key, number] = name.split("/");
    const earlier = `${key}/${Number(number) - 1}`;
    return number === "1" || done.has(earlier) || before.has(earlier);
  };
  const begin = (names: readonly string[]): void => {
    const before = new Set<string>();
    for (const name of names) {
      if (!isInOrder(name, before)) violations.push(`${name} was delivered too early`);
      before.add(name);
    }
    const keys = new Set(names.map((name) => name.split("/")[0] ?? ""));
    for (const key of keys) if (inFlight.has(key)) violations.push(`item ${key} is in two batches at once`);
    for (const key of keys) inFlight.add(key);
  };
  const end = (names: readonly string[], succeeded: number): void => {
    for (const name of names) inFlight.delete(name.split("/")[0] ?? "");
    for (const name of names.slice(0, succeeded)) done.add(name);
  };
  return { begin, end, done, violations };
};

test("the changes of each item are delivered in order, one batch at a time, and completely", async () => {
  const cases = fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 40 }),
    parallelizationFactor: fc.integer({ min: 1, max: 10 }),
    batchSize: fc.integer({ min: 1, max: 7 }),
    bisectBatchOnFunctionError: fc.boolean(),
    latencies: fc.array(fc.nat(400), { minLength: 1, maxLength: 5 }),
    stopsAfterMs: fc.option(fc.nat(2_000)),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ steps, latencies, stopsAfterMs, ...options }) => {
      const watch = watcher();
      const failuresLeft = new Map<string, number>();
      let invocations = 0;
      const script: Script = async (records) => {
        const names = records.map(nameOf);
        watch.begin(names);
        invocations += 1;
        await rig.clock.sleep(latencies[invocations % latencies.length] ?? 0);
        const first = names.findIndex((name) => (failuresLeft.get(name) ?? 0) > 0);
        const failed = names[first];
        if (failed !== undefined) failuresLeft.set(failed, (failuresLeft.get(failed) ?? 0) - 1);
        watch.end(names, failed === undefined ? names.length : first);
        return failed === undefined ? {} : failing(...records.slice(first));
      };
      const rig = openRig(script, options);
      const names = write(rig.stream, steps);
      names.forEach((name, index) => void failuresLeft.set(name, steps[index]?.failures ?? 0));
      if (stopsAfterMs !== null) {
        await rig.mapping.start();
        await rig.clock.sleep(stopsAfterMs);
        await rig.mapping.stop();
      }
      await rig.run();
      expect(watch.violations).toEqual([]);
      expect([...watch.done].sort()).toEqual([...names].sort());
    }),
    { numRuns: 300 },
  );
});

test("the parallelization factor is the number of concurrent batches of a shard", async () => {
  let inFlight = 0;
  let most = 0;
  const rig = openRig(
    async () => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await rig.clock.sleep(1_000);
      inFlight -= 1;
    },
    { parallelizationFactor: 4, batchSize: 1 },
  );
  rig.stream.append(rig.stream.addShard(), ...Array.from({ length: 60 }, (_, index) => change(String(index))));
  await rig.run();
  expect(most).toBe(4);
});
