// Counts the messages of a run. At the end of the run, every received message must have exactly one outcome.

/** Number of messages for each outcome. `received` is the sum of these numbers. */
export type Counts<Name extends string> = { readonly [name in Name | "received"]: number };

/** Counts messages, and checks that the numbers of all outcomes add up to the number of received messages. */
export interface RunCounts<Name extends string> {
  readonly receive: (messages?: number) => void;
  /** Counts messages with the outcome `name`. Default: one message. */
  readonly add: (name: Name, messages?: number) => void;
  /** Returns the number of messages that have one of these outcomes. */
  readonly of: (...names: readonly Name[]) => number;
  readonly received: () => number;
  /** Returns the counts. @throws when the outcomes do not add up to `received`: the run has lost track of a message. */
  readonly check: () => Counts<Name>;
}

/** Creates counts. They start at zero, or at the counts that an earlier part of the same run has returned. */
export const runCounts = <const Name extends string>(
  names: readonly Name[],
  before: Partial<Counts<Name>> = {},
): RunCounts<Name> => {
  const counts = new Map<Name, number>(names.map((name) => [name, before[name] ?? 0]));
  let received = before.received ?? 0;
  const of = (...some: readonly Name[]): number => some.reduce((sum, name) => sum + (counts.get(name) ?? 0), 0);
  return {
    receive: (messages = 1) => {
      received += messages;
    },
    add: (name, messages = 1) => void counts.set(name, of(name) + messages),
    of,
    received: () => received,
    check: () => {
      const sum = of(...names);
      if (sum === received) return Object.fromEntries([["received", received], ...counts]) as Counts<Name>;
      throw new Error(`the counts do not add up: ${received} messages received, ${sum} with an outcome`);
    },
  };
};
