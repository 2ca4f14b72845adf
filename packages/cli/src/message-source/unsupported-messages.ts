// Messages that a command does not take, for people: what they are, how many, and where the first of them is.

import { decodeEnvelope } from "@sluice/core/envelope";
import { invocationIn, membersIn } from "../../../redrive/src/message-content.ts";
import type { Taken } from "./message-source.ts";
import { counted } from "../terminal/format.ts";

/** What a text is. No values. */
const kindOf = (text: string): string => {
  if (decodeEnvelope(text) !== undefined) return "a dead letter, to be redriven without --from";
  if (invocationIn(text) !== undefined) return "sent by Lambda or S3, to be redriven with --from on-failure";
  const { v } = membersIn(text);
  return Number.isInteger(v) && v !== 1 ? `an envelope of version ${v}, which a later Sluice reads` : "no envelope";
};

/** Collects messages of other kinds. */
export interface OtherKinds {
  readonly add: (message: Taken) => void;
  readonly lines: () => string[];
}

export const newOtherKinds = (): OtherKinds => {
  const kinds = new Map<string, { messages: number; readonly first: string }>();
  return {
    add: ({ id, text }) => {
      const kind = kindOf(text);
      const known = kinds.get(kind);
      if (known === undefined) kinds.set(kind, { messages: 1, first: id });
      else known.messages += 1;
    },
    lines: () =>
      [...kinds].map(([kind, { messages, first }]) => {
        const example = messages === 1 ? first : `such as ${first}`;
        return `${counted(messages, "message")} of another kind (${kind}): ${example}`;
      }),
  };
};
