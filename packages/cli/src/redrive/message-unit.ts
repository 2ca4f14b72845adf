// A unit of messages that are removed together: all copies of one dead letter, or one message of Lambda's that is sent in
// several parts.

import type { MessageOrder, RedriveResult } from "@sluice/redrive";
import type { TextPosition } from "../files/temporary-file.ts";

/** Messages that are removed together. */
export interface MessageUnit {
  /** Ids of the messages: the first one and its copies. */
  readonly messages: string[];
  /** URLs of the records that the messages refer to. */
  readonly recordUrls: string[];
  /** Parts that have no result yet. */
  pending: number;
  result: RedriveResult | undefined;
}

/** One part of a unit, which is one message of a request. */
export interface UnitPart extends MessageOrder {
  readonly id: string;
  readonly position: TextPosition;
  readonly unit: MessageUnit;
}

/** Outcomes by precedence: of several parts, the one that needs attention most. */
const precedence: readonly RedriveResult["outcome"][] = [
  "unsent",
  "retried",
  "rejected",
  "delivered",
  "superseded",
  "filtered",
];

const combined = (one: RedriveResult, other: RedriveResult): RedriveResult => ({
  outcome: precedence.indexOf(one.outcome) < precedence.indexOf(other.outcome) ? one.outcome : other.outcome,
  stays: one.stays || other.stays,
});

/** Adds a part's result to its unit. Answers the unit's result, once all of its parts have one. */
export const addResult = ({ unit }: UnitPart, result: RedriveResult): RedriveResult | undefined => {
  unit.result = unit.result === undefined ? result : combined(unit.result, result);
  unit.pending -= 1;
  return unit.pending === 0 ? unit.result : undefined;
};
