// What the servers that stand for foreign ones have received: the last messages, in memory.

const kept = 100;

/** A message that a server received. */
export interface ReceivedMessage {
  readonly at: number;
  /** What it is, for people: `mail to you@example.com`, `POST /hook`. */
  readonly what: string;
  readonly body: string;
}

/** The last messages of a server, and the number of all. */
export interface Inbox {
  readonly add: (message: Omit<ReceivedMessage, "at">) => void;
  readonly messages: () => readonly ReceivedMessage[];
  readonly count: () => number;
}

/** Creates an inbox. It keeps the last 100 messages. */
export const createInbox = (): Inbox => {
  const messages: ReceivedMessage[] = [];
  let count = 0;
  return {
    add: (message) => {
      count += 1;
      messages.push({ ...message, at: Date.now() });
      if (messages.length > kept) messages.shift();
    },
    messages: () => messages,
    count: () => count,
  };
};
