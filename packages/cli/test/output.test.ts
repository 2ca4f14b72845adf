import { describe, expect, test } from "@jest/globals";
import { newAccount } from "../../redrive/src/run-counts.ts";
import { paceOf } from "../src/redrive/pace.ts";
import { newCauses, sumLine, vainFilterLines } from "../src/redrive/report.ts";
import { progressOn, stepText } from "../src/terminal/progress.ts";
import { tableLines } from "../src/terminal/table.ts";
import { ageText, counted } from "../src/terminal/format.ts";

describe("words", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  test.each([
    ["2026-03-01T11:59:59.500Z", "0s"],
    ["2026-03-01T11:58:00Z", "2m"],
    ["2026-03-01T09:30:00Z", "2h"],
    ["2026-02-20T12:00:00Z", "9d"],
    ["2026-03-02T12:00:00Z", "0s"],
    ["some time", "?"],
  ])("%s is %s old", (time, age) => expect(ageText(time, now)).toBe(age));

  test("are in the singular and the plural", () => {
    expect([counted(0, "message"), counted(1, "message"), counted(1_234, "message")]).toEqual([
      "0 messages",
      "1 message",
      "1,234 messages",
    ]);
  });

  test("stand in columns", () => {
    expect(
      tableLines(
        ["a", "long"],
        [
          ["wide cell", ""],
          ["b", "c"],
        ],
      ),
    ).toEqual(["a          long", "wide cell", "b          c"]);
    expect(tableLines(["a"], [])).toEqual([]);
  });
});

describe("progress", () => {
  const stream = (isTTY: boolean, columns = 80) => {
    const written: string[] = [];
    return { isTTY, columns, written, write: (text: string) => written.push(text) };
  };

  test("is a bar that rewrites itself on a terminal, and is gone when a line comes", () => {
    const terminal = stream(true);
    let time = 0;
    const { update, line } = progressOn(terminal, () => time);
    update({ doing: "redriving", done: 1, total: 4 });
    update({ doing: "redriving", done: 2, total: 4 });
    time = 100;
    update({ doing: "redriving", done: 3, total: 4, beside: "1 rejected" });
    line("a line");
    expect(terminal.written).toEqual([
      "\r\u001b[2Kredriving [======                  ] 1 of 4 (25 %)",
      "\r\u001b[2Kredriving [==================      ] 3 of 4 (75 %), 1 rejected",
      "\r\u001b[2K",
      "a line\n",
    ]);
  });

  test("fits the terminal, so that it can be rewritten", () => {
    const terminal = stream(true, 20);
    progressOn(terminal, () => 0).update({ doing: "redriving", done: 1, total: 4 });
    expect(terminal.written[0]?.replace("\r\u001b[2K", "")).toHaveLength(19);
  });

  test("is whole on a terminal that does not know its width", () => {
    const terminal = stream(true, 0);
    progressOn(terminal, () => 0).update({ doing: "redriving", done: 1, total: 4 });
    expect(terminal.written[0]).toMatch(/1 of 4 \(25 %\)$/);
  });

  test("is a plain line now and then where there is no terminal", () => {
    const file = stream(false);
    let time = 0;
    const { update, line } = progressOn(file, () => time);
    for (let done = 0; done <= 50; done += 1) {
      update({ doing: "redriving", done, total: 50 });
      time += 100;
    }
    line("a line");
    expect(file.written).toEqual(["redriving 20 of 50 (40 %)\n", "redriving 40 of 50 (80 %)\n", "a line\n"]);
  });

  test("counts where nobody knows how much there is, and never says more than all", () => {
    expect(stepText({ doing: "receiving", done: 7 }, true)).toBe("receiving 7");
    expect(stepText({ doing: "receiving", done: 7, total: 5 }, false)).toBe("receiving 7 of 5 (100 %)");
  });
});

describe("the account", () => {
  test("must add up", () => {
    const account = newAccount();
    account.receive(3);
    account.note("delivered", 2);
    expect(() => account.check()).toThrow("the account does not balance: 3 messages received, 2 accounted for");
    account.note("retried");
    account.check();
    expect(account.left()).toBe(1);
    expect(sumLine(account, false)).toBe("3 received = 2 delivered + 1 to be retried");
    expect(sumLine(newAccount(), true)).toBe("0 received");
  });

  test("tells of a filter that takes nothing, and of no other", () => {
    const account = newAccount();
    expect(vainFilterLines(account)).toEqual([]);
    account.receive(3);
    account.note("notMeant", 2);
    account.note("noLetter");
    expect(vainFilterLines(account)).toEqual([expect.stringContaining("nothing passes the filters")]);
    account.receive();
    account.note("delivered");
    expect(vainFilterLines(account)).toEqual([]);
  });

  test("tells the causes, the commonest first, each with one reason", () => {
    const causes = newCauses();
    const rejected = { outcome: "rejected", stays: true, code: "SINK_REJECTED" } as const;
    causes.add({ ...rejected, reason: "first" });
    causes.add({ outcome: "delivered", stays: false });
    causes.add({ outcome: "unsent", stays: true, reason: "--max was reached" });
    causes.add({ ...rejected, reason: "second" });
    expect(causes.lines()).toEqual(["2 rejected, SINK_REJECTED: such as first", "1 not sent: --max was reached"]);
  });
});

describe("the pace", () => {
  test("lets messages through at their rate, and waits for nothing without one", async () => {
    let time = 0;
    const clock = {
      now: () => time,
      sleep: async (ms: number) => {
        time += ms;
      },
    };
    const { signal } = new AbortController();
    const pace = paceOf(10, clock);
    const starts: number[] = [];
    for (const messages of [10, 5, 10, 1]) {
      await pace(messages, signal);
      starts.push(time);
    }
    expect(starts).toEqual([0, 1_000, 1_500, 2_500]);
    // Time that went by unused is not saved up.
    time = 60_000;
    await pace(10, signal);
    await pace(1, signal);
    expect(time).toBe(61_000);
    await paceOf(undefined, clock)(1_000, signal);
    expect(time).toBe(61_000);
  });
});
