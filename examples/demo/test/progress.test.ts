import { describe, expect, test } from "@jest/globals";
import { progressOn } from "../src/progress.ts";

const stream = (isTTY: boolean) => {
  const written: string[] = [];
  return { isTTY, written, write: (text: unknown) => written.push(String(text)) > 0 };
};

describe("progress", () => {
  test("rewrites one line on a terminal, and keeps lasting lines", () => {
    const terminal = stream(true);
    const progress = progressOn(terminal);
    progress.update("1 write");
    progress.update("2 writes");
    progress.say("done");
    expect(terminal.written.join("")).toBe("\r\u001b[2K  1 write\r\u001b[2K  2 writes\r\u001b[2Kdone\n");
  });

  test("prints occasional plain lines without a terminal", () => {
    const pipe = stream(false);
    const progress = progressOn(pipe);
    progress.update("1 write");
    progress.update("2 writes");
    progress.say("done");
    expect(pipe.written).toEqual(["  1 write\n", "done\n"]);
  });

  test("prints nothing after its end", () => {
    const pipe = stream(false);
    const progress = progressOn(pipe);
    progress.end();
    progress.update("late");
    progress.say("later");
    expect(pipe.written).toEqual([]);
  });
});
