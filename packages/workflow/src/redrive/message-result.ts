// What a batch found out about a letter.

import type { Letter } from "../run/dead-letter.ts";
import type { Settled } from "../run/progress.ts";

/** It is settled, and its message can go. */
export interface SettledLetter {
  readonly letter: Letter;
  readonly settled: Settled;
}

/** It stays in the queue. */
export interface LeftLetter {
  readonly letter: Letter;
  readonly code: string;
  /** For the log. Holds no item values. */
  readonly reason: string;
}

export type Concluded = SettledLetter | LeftLetter;

/** Takes letters that are concluded: deletes their messages, and writes the account. */
export type Conclude = (letters: readonly Concluded[]) => Promise<void>;
