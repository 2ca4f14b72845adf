// A question that a person answers.

import { once } from "node:events";
import { createInterface } from "node:readline/promises";

/** Whether somebody could answer. */
export const canAsk = (): boolean => process.stdin.isTTY === true;

/** Asks yes or no; anything but `y` and `yes` is no, and so are the end of the input and the signal. */
export const isConfirmed = async (question: string, signal: AbortSignal): Promise<boolean> => {
  // In its own terminal mode readline keeps Ctrl-C from the process.
  const prompt = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    const ended = once(prompt, "close").then(() => undefined);
    const answer = await Promise.race([prompt.question(`${question} (y/N) `, { signal }), ended]);
    if (answer === undefined) process.stderr.write("\n");
    return answer !== undefined && /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    // Readline has ended the line.
    if (signal.aborted) return false;
    throw error;
  } finally {
    prompt.close();
  }
};
