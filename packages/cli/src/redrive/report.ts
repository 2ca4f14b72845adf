// What a redrive tells at its end: counts that add up, and why something is left.

import { counted, withSeparators } from "../terminal/format.ts";
import { type Account, type Fate, fates } from "../../../redrive/src/run-counts.ts";
import type { EntryResult } from "../../../redrive/src/engine.ts";

const words: Readonly<Record<Fate, string>> = {
  delivered: "delivered",
  superseded: "superseded",
  filtered: "filtered",
  rejected: "rejected",
  retried: "to be retried",
  copy: "copies",
  doneBefore: "done before",
  notMeant: "not asked for",
  noLetter: "of another kind",
  unsent: "not sent",
};

const conditionalWords: Readonly<Record<Fate, string>> = {
  ...words,
  delivered: "would be delivered",
  superseded: "would be superseded",
  filtered: "would be filtered",
  rejected: "still rejected",
};

/** Why messages are left: their outcome and code, how many, and the first one's reason. */
interface Cause {
  messages: number;
  readonly reason: string;
}

/** Collects why messages are left, and which records are lost. */
export interface Causes {
  readonly add: (result: EntryResult) => void;
  readonly lines: () => string[];
  readonly lost: () => readonly string[];
}

const causeName = ({ outcome, stays, code, reason }: EntryResult): string => {
  if (outcome === "unsent") return `${words.unsent}: ${reason}`;
  // What Lambda gave up on and the pipeline rejects is a dead letter from now on.
  const where = outcome === "rejected" && !stays ? ", now a dead letter" : "";
  return `${words[outcome]}${code === undefined ? "" : `, ${code}`}${where}`;
};

export const newCauses = (): Causes => {
  const causes = new Map<string, Cause>();
  const lost: string[] = [];
  return {
    add: (result) => {
      const { outcome, code, reason = "" } = result;
      if (code === "RECORD_LOST") lost.push(reason);
      if (outcome !== "rejected" && outcome !== "retried" && outcome !== "unsent") return;
      const name = causeName(result);
      const known = causes.get(name);
      const isTold = outcome === "unsent" || code === "RECORD_LOST";
      if (known === undefined) causes.set(name, { messages: 1, reason: isTold ? "" : reason });
      else known.messages += 1;
    },
    lines: () =>
      [...causes]
        .sort(([, one], [, other]) => other.messages - one.messages)
        .map(([name, { messages, reason }]) => {
          const first = messages === 1 ? "" : "such as ";
          return `${withSeparators(messages)} ${name}${reason === "" ? "" : `: ${first}${reason}`}`;
        }),
    lost: () => lost,
  };
};

/** The counts as one equation. */
export const sumLine = (account: Account, isDryRun: boolean): string => {
  const names = isDryRun ? conditionalWords : words;
  const parts = fates
    .filter((fate) => account.count(fate) > 0)
    .map((fate) =>
      fate === "copy"
        ? counted(account.count(fate), "copy", "copies")
        : `${withSeparators(account.count(fate))} ${names[fate]}`,
    );
  return `${withSeparators(account.received())} received${parts.length === 0 ? "" : ` = ${parts.join(" + ")}`}`;
};

/** A filter that takes nothing may have a slip in it. */
export const vainFilterLines = (account: Account): string[] => {
  const others = account.count("notMeant") + account.count("noLetter") + account.count("doneBefore");
  const isVain = account.count("notMeant") > 0 && others === account.received();
  return isVain ? ["nothing passes the filters; sluice dead-letters list --group tells what is there"] : [];
};

/** What is left beside the messages that were sent. */
export interface Remainder {
  /** Messages that others held, or that were delayed, all the time. */
  readonly hidden: number;
  /** More is there than could be held. */
  readonly isFull: boolean;
  /** Messages of a FIFO queue behind those that stay: about so many. */
  readonly behind: number;
  /** Messages that were delivered, and not removed. */
  readonly unremoved: number;
  readonly lapsed: number;
  readonly notPutBack: number;
  /** Nothing was excluded, so that what is no dead letter was asked for too. */
  readonly isEverything: boolean;
}

const seconds = "their visibility timeout is over";

/** What the user should know of them, in a line each. */
export const remainderLines = ({ hidden, isFull, behind, unremoved, lapsed, notPutBack }: Remainder): string[] => [
  ...(isFull ? ["more is in the queue than SQS lets one hold: run this again"] : []),
  ...(hidden > 0
    ? [
        `${counted(hidden, "message")} could not be looked at: held by another consumer or a run that was killed, or delayed`,
      ]
    : []),
  ...(behind > 0
    ? [`${counted(behind, "message")} of the FIFO queue could not be looked at: behind others of their group`]
    : []),
  ...(unremoved > 0
    ? [`${counted(unremoved, "message")} could not be removed: delivered once more, they are superseded`]
    : []),
  ...(lapsed > 0 ? [`${counted(lapsed, "message")} could not be held for so long: others may have received them`] : []),
  ...(notPutBack > 0
    ? [`${counted(notPutBack, "message")} could not be put back: they come back when ${seconds}`]
    : []),
];

/** Whether anything is left that was asked for, or that nobody could look at. */
export const isLeft = (account: Account, remainder: Remainder): boolean =>
  account.left() > 0 ||
  remainder.isFull ||
  remainder.hidden > 0 ||
  remainder.behind > 0 ||
  remainder.unremoved > 0 ||
  (remainder.isEverything && account.count("noLetter") > 0);
