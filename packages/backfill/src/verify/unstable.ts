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

/** How thoroughly items are asked about. */
interface Care {
  /** Calls of the pipeline as it is. */
  readonly calls: number;
  /** Different answers that are compared. Each one costs a question to the target. */
  readonly answers: number;
}

/** For pages, of which each item may differ. A choice between two values is missed once in 500 items, which are looked at again. */
export const quickly: Care = { calls: 8, answers: 4 };

/** For confirmed differences. A choice between two values is missed once in two million items. */
export const thoroughly: Care = { calls: 20, answers: 22 };

/** Asks the pipeline many times as it is, and twice at another time with other random numbers. */
const answersOf = (
  target: PipelineTarget,
  record: StreamRecord,
  { calls }: Care,
): readonly [Expected, ...Expected[]] => [
  expectedOf(target, record),
  atAnotherTime(0, () => expectedOf(target, record)),
  atAnotherTime(1 - 2 ** -32, () => expectedOf(target, record)),
  ...Array.from({ length: calls - 1 }, () => expectedOf(target, record)),
];

const messageOf = ({ expectation }: Expected): unknown => expectation?.delivery.message;

const isLike = (one: Expected, other: Expected): boolean =>
  one.error?.code === other.error?.code && isDeepStrictEqual(messageOf(one), messageOf(other));

/**
 * Returns the first answer, and each one that is unlike those before it. If all are alike, the first one is there twice: the
 * target may set members by its own clock, as an ingest pipeline of OpenSearch does.
 */
const unlike = ([first, ...others]: readonly [Expected, ...Expected[]], { answers }: Care): readonly Expected[] => {
  const found = [first];
  for (const one of others) {
    if (found.length < answers && !found.some((other) => isLike(one, other))) found.push(one);
  }
  return found.length > 1 ? found : [first, first];
};

/** Returns the members in which the answers for one item differ. */
const membersOf = (answers: readonly Expected[], contents: readonly unknown[]): ReadonlySet<string> => {
  const [first] = contents;
  const found = new Set<string>();
  answers.forEach((answer, index) => {
    const isLikeFirst = (messageOf(answer) === undefined) === (messageOf(answers[0] as Expected) === undefined);
    const other = contents[index];
    if (!isLikeFirst || answer.error !== undefined || first instanceof Error || other instanceof Error) {
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
  care: Care,
  calls: SinkCalls,
): Promise<readonly ReadonlySet<string>[]> => {
  const answers = records.map((record) => unlike(answersOf(target, record, care), care));
  const contents: unknown[][] = records.map(() => []);
  for (let round = 0; answers.some((some) => round < some.length); round += 1) {
    // One round has each item at most once, as a page has.
    const asked = answers.flatMap((some, position) => {
      const answer = some[round];
      return answer === undefined ? [] : [{ position, answer }];
    });
    const given = await expectedContents(
      asked.map(({ answer }) => answer),
      calls,
    );
    for (const [index, { position }] of asked.entries()) contents[position]?.push(given[index]);
  }
  return answers.map((some, position) => membersOf(some, contents[position] ?? []));
};
