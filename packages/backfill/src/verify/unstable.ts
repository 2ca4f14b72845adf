// Finds the members of a copy that depend on the time or on chance: the mapper or the filter reads a clock or a random number. No
// copy can agree with the item in these members.

import { isDeepStrictEqual } from "node:util";
import type { PipelineTarget, StreamRecord } from "@sluice/core/envelope";
import { differingMembers, type Expected, expectedContents, expectedOf, type SinkCalls } from "./comparison.ts";

/** In place of a member's name: the filter or the mapper decides by the time or by chance whether the item has a copy. */
export const ownExistence = "whether the item has a copy";

/** 400 days and some hours, so that year, month, day, weekday, hour, minute, second and millisecond differ. */
const shiftMs = 400 * 86_400_000 + 5 * 3_600_000 + 7 * 60_000 + 11_123;

const shiftedDate = (now: () => number): DateConstructor =>
  new Proxy(Date, {
    apply: (Original) => new Original(now()).toString(),
    construct: (Original, args: unknown[], newTarget) =>
      Reflect.construct(Original, args.length === 0 ? [now()] : args, newTarget === Original ? Original : newTarget),
    get: (Original, name, receiver) => (name === "now" ? now : Reflect.get(Original, name, receiver)),
  });

/**
 * Makes one synchronous call while the clock of this process shows another time, and random numbers are `random`. No other
 * code runs meanwhile.
 */
const atAnotherTime = <Result>(random: number, call: () => Result): Result => {
  const original = { Date, now: Date.now, random: Math.random };
  const now = (): number => original.now() + shiftMs;
  const elapsed = performance.now() + shiftMs;
  try {
    globalThis.Date = shiftedDate(now);
    original.Date.now = now;
    Math.random = () => random;
    Object.defineProperty(performance, "now", { value: () => elapsed, configurable: true, writable: true });
    return call();
  } finally {
    globalThis.Date = original.Date;
    original.Date.now = original.now;
    Math.random = original.random;
    Reflect.deleteProperty(performance, "now");
  }
};

/** Asks the pipeline four times: twice as it is, and twice at another time with other random numbers. */
const answersOf = (target: PipelineTarget, record: StreamRecord): readonly Expected[] => [
  expectedOf(target, record),
  expectedOf(target, record),
  atAnotherTime(0, () => expectedOf(target, record)),
  atAnotherTime(1 - 2 ** -32, () => expectedOf(target, record)),
];

const messageOf = ({ expectation }: Expected): unknown => expectation?.delivery.message;

/** Returns the members in which the answers for one item differ. */
const membersOf = (answers: readonly Expected[], contents: readonly unknown[]): ReadonlySet<string> => {
  const first = contents[0];
  const found = new Set<string>();
  answers.forEach((answer, index) => {
    const isLike = (messageOf(answer) === undefined) === (messageOf(answers[0] as Expected) === undefined);
    const other = contents[index];
    if (!isLike || answer.error !== undefined || first instanceof Error || other instanceof Error) {
      found.add(ownExistence);
    } else {
      for (const name of differingMembers((first ?? {}) as never, (other ?? {}) as never)) found.add(name);
    }
  });
  return found;
};

/** Returns, for each record, the members of the item's copy that depend on the time or on chance. */
export const unstableMembers = async (
  target: PipelineTarget,
  records: readonly StreamRecord[],
  calls: SinkCalls,
): Promise<readonly ReadonlySet<string>[]> => {
  const found: ReadonlySet<string>[] = records.map(() => new Set<string>());
  const answers = records.map((record) => answersOf(target, record));
  const suspects = answers.flatMap((four, position) => {
    const [first, ...others] = four as readonly [Expected, ...Expected[]];
    const isStable = others.every(
      (other) => other.error?.code === first.error?.code && isDeepStrictEqual(messageOf(other), messageOf(first)),
    );
    return isStable ? [] : [position];
  });
  const contents: unknown[][] = suspects.map(() => []);
  for (const call of [0, 1, 2, 3]) {
    const asked = suspects.map((position) => answers[position]?.[call] as Expected);
    const given = suspects.length === 0 ? [] : await expectedContents(asked, calls);
    for (const [index, content] of given.entries()) contents[index]?.push(content);
  }
  suspects.forEach((position, index) => {
    found[position] = membersOf(answers[position] as readonly Expected[], contents[index] as unknown[]);
  });
  return found;
};
