// Asks the user for confirmation.

import { once } from "node:events";
import { createInterface } from "node:readline/promises";

/** Whether standard input is a terminal. */
export const canAsk = (): boolean => process.stdin.isTTY === true;

/** Asks a question. Returns true only for the answers `y` and `yes`. The end of the input and an abort count as no. */
export const isConfirmed = async (question: string, signal: AbortSignal): Promise<boolean> => {
  // With `terminal: true`, readline would handle Ctrl-C itself, and the process would get no SIGINT.
  const prompt = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    const ended = once(prompt, "close").then(() => undefined);
    const answer = await Promise.race([prompt.question(`${question} (y/N) `, { signal }), ended]);
    if (answer === undefined) process.stderr.write("\n");
    return answer !== undefined && /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    // After an abort, no line end is written here, because readline has already written a line end.
    if (signal.aborted) return false;
    throw error;
  } finally {
    prompt.close();
  }
};
