import { describe, expect, test } from "@jest/globals";
import { leftOf, redriveCounts } from "../src/redrive/counts.ts";
import { newCauses, sumLine, unmatchedFilterLines } from "../src/redrive/report.ts";
import { ageText, counted } from "../src/terminal/format.ts";
import { plainStep, progressOn, stepLines } from "../src/terminal/progress.ts";
import { tableLines } from "../src/terminal/table.ts";

describe("formats", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  test.each([
    ["2026-03-01T11:59:59.500Z", "0s"],
    ["2026-03-01T11:58:00Z", "2m"],
    ["2026-03-01T09:30:00Z", "2h"],
    ["2026-02-20T12:00:00Z", "9d"],
    ["2026-03-02T12:00:00Z", "0s"],
    ["some time", "?"],
  ])("%s is %s old", (time, age) => expect(ageText(time, now)).toBe(age));

  test("have a singular and a plural", () => {
    expect([counted(0, "message"), counted(1, "message"), counted(1_234, "message")]).toEqual([
      "0 messages",
      "1 message",
      "1,234 messages",
    ]);
  });

  test("align columns", () => {
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

  test("is a bar on a terminal that is rewritten in place, and removed before another line is printed", () => {
    const terminal = stream(true);
    let time = 0;
    const { update, line } = progressOn(terminal, () => time);
    update({ doing: "redriving", done: 1, total: 4 });
    update({ doing: "redriving", done: 2, total: 4 });
    time = 100;
    update({ doing: "redriving", done: 3, total: 4, note: "1 rejected" });
    line("a line");
    expect(terminal.written).toEqual([
      "\r\u001b[2Kredriving [======                  ] 1 of 4 (25 %)",
      "\r\u001b[2Kredriving [==================      ] 3 of 4 (75 %), 1 rejected",
      "\r\u001b[2K",
      "a line\n",
    ]);
  });

  test("is cut to the width of the terminal, so that it can be rewritten", () => {
    const terminal = stream(true, 20);
    progressOn(terminal, () => 0).update({ doing: "redriving", done: 1, total: 4 });
    expect(terminal.written[0]?.replace("\r\u001b[2K", "")).toHaveLength(19);
  });

  test("is complete on a terminal whose width is unknown", () => {
    const terminal = stream(true, 0);
    progressOn(terminal, () => 0).update({ doing: "redriving", done: 1, total: 4 });
    expect(terminal.written[0]).toMatch(/1 of 4 \(25 %\)$/);
  });

  test("is a plain line every two seconds without a terminal", () => {
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

  test("shows no percentage without a total, and never exceeds 100 %", () => {
    expect(stepLines({ doing: "receiving", done: 7 }, 80)).toEqual(["receiving 7"]);
    expect(plainStep({ doing: "receiving", done: 7, total: 5 })).toBe("receiving 7 of 5 (100 %)");
  });

  test("the bar gets what the rest of the line leaves", () => {
    const step = { doing: "copying", done: 1, total: 2, isAbout: true, note: "3 items/s" };
    const rest = "1 of about 2 (50 %), 3 items/s";
    expect(stepLines(step, 200)).toEqual([`copying [============            ] ${rest}`]);
    expect(stepLines(step, 50)).toEqual([
      expect.stringMatching(/^copying \[=+ +\] 1 of about 2 \(50 %\), 3 items\/s$/),
    ]);
    expect(stepLines(step, 50)[0]).toHaveLength(49);
  });

  test("a note that is too long for one line is shown whole, below the bar", () => {
    const note = "3,055 items/s, 83 RCU/s, 12 superseded, 3 rejected, lag 1 min 15 s: waiting, about 1 h 38 min left";
    const step = { doing: "copying", done: 8_756_000, total: 20_000_000, isAbout: true, note };
    for (const columns of [40, 60, 80, 100, 200]) {
      const lines = stepLines(step, columns);
      expect(lines[0]).toContain("8,756,000 of about");
      expect(lines.map((line) => line.trim()).join(" ")).toContain(note);
      for (const { length } of lines) expect(length).toBeLessThan(columns);
    }
    expect(stepLines(step, 80)[0]).toMatch(/^copying \[=+ +\] 8,756,000/);
  });

  test("several lines are rewritten in place, and removed", () => {
    const terminal = stream(true, 40);
    let time = 0;
    const { update, clear } = progressOn(terminal, () => time);
    update({ doing: "copying", done: 1, total: 4, note: "1 item/s, 2 rejected" });
    time = 100;
    update({ doing: "copying", done: 2, total: 4 });
    update({ doing: "copying", done: 2, total: 4 });
    clear();
    expect(terminal.written).toEqual([
      "\r\u001b[2Kcopying [====           ] 1 of 4 (25 %)\n  1 item/s, 2 rejected",
      "\r\u001b[2K\u001b[1A\u001b[2Kcopying [========       ] 2 of 4 (50 %)",
      "\r\u001b[2K",
    ]);
  });
});

describe("the counts", () => {
  test("must add up", () => {
    const counts = redriveCounts();
    counts.receive(3);
    counts.add("delivered", 2);
    expect(() => counts.check()).toThrow("the counts do not add up: 3 messages received, 2 with an outcome");
    counts.add("retried");
    counts.check();
    expect(leftOf(counts)).toBe(1);
    expect(sumLine(counts, false)).toBe("3 received = 2 delivered + 1 to be retried");
    expect(sumLine(redriveCounts(), true)).toBe("0 received");
  });

  test("warn of a filter that selects no message, and of no other filter", () => {
    const counts = redriveCounts();
    expect(unmatchedFilterLines(counts)).toEqual([]);
    counts.receive(3);
    counts.add("notSelected", 2);
    counts.add("unsupported");
    expect(unmatchedFilterLines(counts)).toEqual([expect.stringContaining("the filters select no message")]);
    counts.receive();
    counts.add("delivered");
    expect(unmatchedFilterLines(counts)).toEqual([]);
  });

  test("list the causes, most frequent first, each with one example", () => {
    const causes = newCauses();
    const rejected = { outcome: "rejected", stays: true, code: "SINK_REJECTED" } as const;
    causes.add({ ...rejected, reason: "first" });
    causes.add({ outcome: "delivered", stays: false });
    causes.add({ outcome: "unsent", stays: true, reason: "--max-messages was reached" });
    causes.add({ ...rejected, reason: "second" });
    expect(causes.lines()).toEqual([
      "2 rejected, SINK_REJECTED: such as first",
      "1 not sent: --max-messages was reached",
    ]);
  });
});
