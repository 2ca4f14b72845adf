// Asks for what the options do not say. An answer that cannot be used is asked for again.

import { once } from "node:events";
import { createInterface, type Interface } from "node:readline/promises";
import { CommandError } from "../command-line/command-error.ts";

/** Asks a question with a proposal, which an empty answer accepts. `read` throws a CommandError if it refuses the answer. */
export type Ask = <Value>(question: string, proposal: string, read: (text: string) => Value) => Promise<Value>;

/** Accepts all proposals, without a question. */
export const acceptAll: Ask = async (_question, proposal, read) => read(proposal);

const askOn =
  (prompt: Interface, ended: Promise<undefined>): Ask =>
  async (question, proposal, read) => {
    for (;;) {
      const answer = await Promise.race([prompt.question(`${question} (${proposal}) `), ended]);
      if (answer === undefined) throw new CommandError("the input ended before the last answer; nothing was written");
      try {
        return read(answer.trim() || proposal);
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        process.stderr.write(`${error.message}\n`);
      }
    }
  };

/** Calls `use` with a function that asks on the terminal. */
export const withQuestions = async <Value>(use: (ask: Ask) => Promise<Value>): Promise<Value> => {
  const prompt = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    return await use(
      askOn(
        prompt,
        once(prompt, "close").then(() => undefined),
      ),
    );
  } finally {
    prompt.close();
  }
};
