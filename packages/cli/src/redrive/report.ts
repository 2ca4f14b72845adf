// The report of a redrive: the number of messages for each outcome, and the reasons why messages are left.

import type { RedriveResult } from "@sluice/redrive";
import { counted, withSeparators } from "../terminal/format.ts";
import { cut } from "../terminal/plain-text.ts";
import { type CountedOutcome, countedOutcome, leftOf, type MessageCounts, outcomes } from "./counts.ts";

const words: Readonly<Record<CountedOutcome, string>> = {
  delivered: "delivered",
  unchecked: "would be sent (the target was not asked)",
  superseded: "superseded",
  filtered: "filtered",
  rejected: "rejected",
  retried: "to be retried",
  unrouted: "of no route of the pipeline",
  copy: "copies",
  alreadyDone: "already done",
  notSelected: "not selected",
  unsupported: "unsupported",
  unsent: "not sent",
};

/** Outcomes before which the report of a dry run writes "would be". */
const conditional: readonly CountedOutcome[] = ["delivered", "superseded", "filtered", "rejected"];

/** Collects the reasons why messages are left, and the messages whose records are lost. */
export interface Causes {
  readonly add: (result: RedriveResult) => void;
  readonly lines: () => string[];
  readonly lost: () => readonly string[];
}

/** Only for a message that failed but is removed from its source: says where the message's records are now. */
const newPlace: { readonly [outcome in RedriveResult["outcome"]]?: string } = {
  rejected: ", now a dead letter",
  retried: ", now in the retry queue",
};

const causeName = (result: RedriveResult): string => {
  const { outcome, stays, code, reason } = result;
  if (outcome === "unsent") return `${words.unsent}: ${reason}`;
  if (countedOutcome(result) === "unrouted") return words.unrouted;
  return `${words[outcome]}${code === undefined ? "" : `, ${code}`}${stays ? "" : (newPlace[outcome] ?? "")}`;
};

/** Forged messages may name any number of routes. */
const maxCauses = 100;

const maxReasonLength = 1_000;

/** Says what to do about messages of routes that the pipeline does not have. */
export const unroutedHint: string =
  "a route that was renamed gets its messages when it has its former name; of a removed route, delete the messages: " +
  "sluice dead-letters delete <queue URL> --sink NAME";

/** Creates an empty `Causes`. */
export const newCauses = (): Causes => {
  /** For each cause, the number of messages, and the reason of the first message. */
  const causes = new Map<string, { readonly name: string; messages: number; readonly reason: string }>();
  const lost: string[] = [];
  return {
    add: (result) => {
      const { outcome, code, reason = "" } = result;
      if (code === "RECORD_LOST") lost.push(reason);
      if (outcome !== "rejected" && outcome !== "retried" && outcome !== "unsent") return;
      const name = causeName(result);
      // Each route that does not exist is named.
      const key = code === "RECORD_UNROUTED" && causes.size < maxCauses ? `${name}: ${reason}` : name;
      const known = causes.get(key);
      const isNamed = outcome === "unsent" || code === "RECORD_LOST";
      if (known === undefined)
        causes.set(key, { name, messages: 1, reason: isNamed ? "" : cut(reason, maxReasonLength) });
      else known.messages += 1;
    },
    lines: () =>
      [...causes.values()]
        .sort((one, other) => other.messages - one.messages)
        .map(({ name, messages, reason }) => {
          const first = messages === 1 ? "" : "such as ";
          return `${withSeparators(messages)} ${name}${reason === "" ? "" : `: ${first}${reason}`}`;
        }),
    lost: () => lost,
  };
};

/** Formats the counts as an equation: `3 received = 2 delivered + 1 rejected`. */
export const sumLine = (counts: MessageCounts, isDryRun: boolean): string => {
  const parts = outcomes
    .filter((outcome) => counts.of(outcome) > 0)
    .map((outcome) => {
      const would = isDryRun && conditional.includes(outcome) ? "would be " : "";
      const name = outcome === "copy" && counts.of(outcome) === 1 ? "copy" : words[outcome];
      return `${withSeparators(counts.of(outcome))} ${would}${name}`;
    });
  return `${withSeparators(counts.received())} received${parts.length === 0 ? "" : ` = ${parts.join(" + ")}`}`;
};

/** Returns a warning if the filters select no message. The user may have made a typing error in a filter. */
export const unmatchedFilterLines = (counts: MessageCounts): string[] => {
  const isUnmatched =
    counts.of("notSelected") > 0 && counts.of("notSelected", "unsupported", "alreadyDone") === counts.received();
  return isUnmatched ? ["the filters select no message; sluice dead-letters list --group shows the messages"] : [];
};

/** Numbers of messages that are left for reasons other than the handler's result. */
export interface Remainder {
  /** Number of messages that could not be received, because they were delayed or another consumer held them. */
  readonly hidden: number;
  /** Whether the source contains more messages than SQS allows in flight. */
  readonly isFull: boolean;
  /** Approximate number of messages that a FIFO queue does not return while earlier messages of the group stay. */
  readonly behind: number;
  /** Number of messages that were delivered but could not be removed. */
  readonly notRemoved: number;
  readonly expired: number;
  readonly notReleased: number;
  /** True if the user has set no filter. In that case, unsupported messages count as left, too. */
  readonly isEverything: boolean;
}

/** Describes a `Remainder` for the user, in one line for each reason. */
export const remainderLines = ({ hidden, isFull, behind, notRemoved, expired, notReleased }: Remainder): string[] => {
  const about = (messages: number, text: string): string[] =>
    messages > 0 ? [`${counted(messages, "message")} ${text}`] : [];
  return [
    ...(isFull ? ["the queue contains more messages than SQS lets be in flight: run the command again"] : []),
    ...about(hidden, "could not be received: in flight at another consumer or a killed run, or delayed"),
    ...about(behind, "of the FIFO queue could not be received: behind others of their group"),
    ...about(notRemoved, "could not be deleted: if delivered again, they are superseded"),
    ...about(expired, "could not be kept hidden: other consumers may have received them"),
    ...about(notReleased, "could not be released: they are visible again after their visibility timeout"),
  ];
};

/** Whether messages are left in the source. In that case, the command ends with the exit code `left`. */
export const isLeft = (counts: MessageCounts, remainder: Remainder): boolean => {
  const { hidden, isFull, behind, notRemoved, isEverything } = remainder;
  const unsupported = isEverything ? counts.of("unsupported") : 0;
  return isFull || leftOf(counts) + hidden + behind + notRemoved + unsupported > 0;
};
