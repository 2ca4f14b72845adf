// Asks the user for confirmation.

import { once } from "node:events";
import { createInterface } from "node:readline/promises";

/** Whether standard input is a terminal. */
export const canAsk = (): boolean => process.stdin.isTTY === true;

/** Asks a question. Only `y` and `yes` confirm it. Other answers, the end of the input and an abort do not. */
export const isConfirmed = async (question: string, signal: AbortSignal): Promise<boolean> => {
  // In its terminal mode, readline would not pass Ctrl-C to the process.
  const prompt = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    const ended = once(prompt, "close").then(() => undefined);
    const answer = await Promise.race([prompt.question(`${question} (y/N) `, { signal }), ended]);
    if (answer === undefined) process.stderr.write("\n");
    return answer !== undefined && /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    // Readline has already written the line end.
    if (signal.aborted) return false;
    throw error;
  } finally {
    prompt.close();
  }
};
