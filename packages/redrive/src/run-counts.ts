// What became of every message, in counts that add up.

/** What became of a message. Outcomes first; then those that were never sent. */
export const fates = [
  "delivered",
  "superseded",
  "filtered",
  "rejected",
  "retried",
  "copy",
  "doneBefore",
  "notMeant",
  "noLetter",
  "unsent",
] as const;

export type Fate = (typeof fates)[number];

/** Fates that leave the message where it was, although it was to be redriven. */
const leavingFates: readonly Fate[] = ["rejected", "retried", "unsent"];

export interface Account {
  readonly receive: (messages?: number) => void;
  /** Notes what became of messages. */
  readonly note: (fate: Fate, messages?: number) => void;
  readonly received: () => number;
  readonly count: (fate: Fate) => number;
  /** Messages that were to be redriven and are not. */
  readonly left: () => number;
  /** @throws unless every message that was received has one fate: something would be lost in silence */
  readonly check: () => void;
}

export const newAccount = (): Account => {
  const counts = new Map<Fate, number>();
  let received = 0;
  const count = (fate: Fate): number => counts.get(fate) ?? 0;
  const sum = (some: readonly Fate[]): number => some.reduce((total, fate) => total + count(fate), 0);
  return {
    receive: (messages = 1) => {
      received += messages;
    },
    note: (fate, messages = 1) => void counts.set(fate, count(fate) + messages),
    received: () => received,
    count,
    left: () => sum(leavingFates),
    check: () => {
      const found = sum(fates);
      if (found !== received) {
        throw new Error(`the account does not balance: ${received} messages received, ${found} accounted for`);
      }
    },
  };
};
