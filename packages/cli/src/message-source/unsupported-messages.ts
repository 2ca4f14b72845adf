// Collects messages that a command does not support. For each kind of content, reports the number and the first id.

import { messageContent } from "@sluice/core/envelope";
import type { SourceMessage } from "@sluice/inspect/queue";
import { counted } from "../terminal/format.ts";

/** Says what kind of content a message has. The text contains no values of the message. */
const describe = (body: string): string => {
  const content = messageContent(body);
  if (content.kind === "dead-letter") return "a dead letter; redrive it without --from";
  if (content.kind === "on-failure") return "sent by Lambda or S3; redrive it with --from on-failure-destination";
  if (content.kind === "unsupported") return content.found;
  return `an envelope of version ${content.version}, which a later version of Sluice reads`;
};

/** Collects unsupported messages. */
export interface UnsupportedMessages {
  /** Adds a message. Default of `kind`: what the body shows. */
  readonly add: (message: SourceMessage, kind?: string) => void;
  readonly lines: () => string[];
}

/** Creates an empty collection. */
export const unsupportedMessages = (): UnsupportedMessages => {
  const kinds = new Map<string, { messages: number; readonly first: string }>();
  return {
    add: ({ id, body }, kind = describe(body)) => {
      const known = kinds.get(kind);
      if (known === undefined) kinds.set(kind, { messages: 1, first: id });
      else known.messages += 1;
    },
    lines: () =>
      [...kinds].map(([kind, { messages, first }]) => {
        const example = messages === 1 ? first : `such as ${first}`;
        return `${counted(messages, "unsupported message")} (${kind}): ${example}`;
      }),
  };
};
