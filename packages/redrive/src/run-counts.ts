// Counts of a run. Every message that was received has exactly one outcome.

/** Numbers of messages, by outcome. `received` is the sum of all outcomes. */
export type Counts<Name extends string> = { readonly [name in Name | "received"]: number };

/** Counts messages and checks that their numbers add up. */
export interface RunCounts<Name extends string> {
  readonly receive: (messages?: number) => void;
  /** Adds messages that have that outcome. */
  readonly add: (name: Name, messages?: number) => void;
  /** Messages that have one of these outcomes. */
  readonly of: (...names: readonly Name[]) => number;
  readonly received: () => number;
  /** @throws unless each received message has one outcome. A difference would mean that a message is lost silently. */
  readonly check: () => Counts<Name>;
}

/** Creates counts that start at zero, or at the counts that an earlier part of the run has reported. */
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
