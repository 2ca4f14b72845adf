import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { shownPoints } from "../src/scale.ts";
import { signsOf } from "../src/signs.ts";
import { type Terminal, terminalOf } from "../src/terminal.ts";
import { terminalChart } from "../src/terminal-chart.ts";
import { anyChart, chartOf } from "./charts.ts";

const plain: Terminal = { width: 80, hasColours: false, hasBraille: false };
const coloured: Terminal = { width: 80, hasColours: true, hasBraille: true };

const anyTerminal = fc.record({
  width: fc.integer({ min: 40, max: 80 }),
  hasColours: fc.boolean(),
  hasBraille: fc.boolean(),
});

const csi = "\u001b[";
const withoutColours = (text: string): string =>
  text
    .split(csi)
    .map((part, index) => (index === 0 ? part : part.replace(/^\d+m/, "")))
    .join("");

/** The rows of the plot, without the axis. */
const plotRowsOf = (lines: readonly string[]): string[] =>
  lines.map(withoutColours).flatMap((line) => /^ *(?:[\d.,]+ [+┤]| [|│])(.*)$/.exec(line)?.[1] ?? []);

describe("a chart as text", () => {
  test("fits the width, has 14 rows, and a letter for each line in the order of the lines", () => {
    fc.assert(
      fc.property(anyChart, anyTerminal, (chart, terminal) => {
        const lines = terminalChart(chart, terminal);
        for (const line of lines) expect(withoutColours(line).length).toBeLessThanOrEqual(terminal.width);
        expect(plotRowsOf(lines)).toHaveLength(14);
        const labels = chart.series.map(({ label }) => label);
        const legend = signsOf(labels).map((sign, index) => `${sign} ${labels[index]}`);
        const text = lines.map((line) => withoutColours(line).trim()).join("   ");
        expect(text.endsWith(legend.join("   "))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("shows the letter of every line that has a point", () => {
    fc.assert(
      fc.property(anyChart, anyTerminal, (chart, terminal) => {
        const rows = plotRowsOf(terminalChart({ ...chart, marks: [] }, terminal)).join("");
        const signs = signsOf(chart.series.map(({ label }) => label));
        shownPoints(chart).forEach((points, line) => {
          if (points.length > 0) expect(rows).toContain(signs[line]);
          else expect(rows).not.toContain(signs[line]);
        });
      }),
      { numRuns: 300 },
    );
  });

  test("has escape sequences only with colours, which change nothing else, and only ASCII without Braille", () => {
    fc.assert(
      fc.property(anyChart, anyTerminal, (chart, terminal) => {
        const without = terminalChart(chart, { ...terminal, hasColours: false });
        expect(without.join("\n")).not.toContain("\u001b");
        if (!terminal.hasBraille) expect(without.join("\n")).toMatch(/^[\n\x20-\x7e]*$/);
        const lines = terminalChart(chart, { ...terminal, hasColours: true });
        expect(lines.map((line) => withoutColours(line).trimEnd())).toEqual(without);
      }),
    );
  });

  test("ends a line with greater values above the others", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 13 }), { minLength: 2, maxLength: 6 }), (ends) => {
        const chart = chartOf(
          ...ends.map(
            (end) =>
              [
                [0, 13],
                [1, end],
              ] as const,
          ),
        );
        const rows = plotRowsOf(terminalChart(chart, plain)).map((row) => row.slice(76 - ends.length));
        const signs = signsOf(chart.series.map(({ label }) => label));
        const rowOf = (line: number): number => rows.findIndex((row) => row.includes(signs[line] ?? "?"));
        const rowsByEnd = ends.map((end, line) => [end, rowOf(line)] as const).sort(([one], [other]) => other - one);
        const expected = rowsByEnd.map(([, row]) => row).sort((one, other) => one - other);
        expect(expected[0]).toBeGreaterThanOrEqual(0);
        expect(rowsByEnd.map(([, row]) => row)).toEqual(expected);
      }),
    );
  });

  test.each([
    ["no line", chartOf(), ""],
    ["a line without points", chartOf([]), ""],
    ["one point", chartOf([[5, 5]]), "ll"],
    [
      "equal values",
      chartOf([
        [0, 2],
        [5, 2],
      ]),
      "l".repeat(75),
    ],
  ])("is right for %s", (_, chart, expected) => {
    expect(plotRowsOf(terminalChart(chart, plain)).join("").trim()).toBe(expected);
  });

  test("shows both of two equal lines, by turns", () => {
    const line = [
      [0, 0],
      [5, 0],
    ] as const;
    const [bottom = ""] = plotRowsOf(terminalChart(chartOf(line, line), plain)).slice(-1);
    expect(bottom).toMatch(/^[li]+$/);
    expect(bottom.match(/l/g)?.length).toBeGreaterThan(20);
    expect(bottom.match(/i/g)?.length).toBeGreaterThan(20);
    const text = terminalChart(chartOf(line, line), coloured).join("\n");
    for (const code of ["36m", "33m"]) expect(text.split(`${csi}${code}`).length).toBeGreaterThan(20);
  });

  test("has axes with their units, numbers, and marks", () => {
    const chart = {
      ...chartOf([
        [0, 0],
        [10, 50],
      ]),
      marks: [{ at: 5, label: "killed" }],
    };
    const lines = terminalChart(chart, plain);
    expect(lines.slice(0, 2)).toEqual(["a < b & c", "time, ms"]);
    expect(lines[2]).toMatch(/^ {41}v killed$/);
    expect(lines[3]).toMatch(/^50 \+ +: +l+$/);
    expect(lines.at(-4)).toMatch(/^ {3}\+(\+-+){5}\+$/);
    expect(lines.slice(-3)).toEqual([expect.stringMatching(/^ {4}0 +2 +4 +6 +8 +10$/), "    size", "    l line 0"]);
  });
});

describe("the letters of lines", () => {
  test("differ, and are the first free letter of the label", () => {
    expect(signsOf(["postgres", "sqs", "sns", "dynamodb", "s", "s"])).toEqual(["p", "s", "n", "d", "a", "b"]);
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 36 }), (labels) => {
        expect(new Set(signsOf(labels)).size).toBe(labels.length);
      }),
    );
  });
});

describe("a terminal", () => {
  const stream = { isTTY: true, columns: 120, hasColors: () => true };
  const utf8 = { LANG: "en_GB.UTF-8", TERM: "xterm" };

  test.each([
    ["a terminal", stream, utf8, { width: 80, hasColours: true, hasBraille: true }],
    ["a narrow one", { ...stream, columns: 60 }, utf8, { width: 60 }],
    ["a very narrow one", { ...stream, columns: 20 }, utf8, { width: 40 }],
    ["a pipe", { columns: 20 }, utf8, { width: 80, hasColours: false, hasBraille: true }],
    ["NO_COLOR", stream, { ...utf8, NO_COLOR: "1" }, { hasColours: false, hasBraille: true }],
    ["a terminal without colours", { ...stream, hasColors: () => false }, utf8, { hasColours: false }],
    ["another locale", stream, { LANG: "en_GB.ISO-8859-1" }, { hasBraille: false }],
    ["LC_ALL before LANG", stream, { ...utf8, LC_ALL: "C" }, { hasBraille: false }],
    ["no locale", stream, {}, { hasBraille: false }],
    ["Windows Terminal", stream, { WT_SESSION: "1" }, { hasBraille: true }],
    ["Linux' console", stream, { ...utf8, TERM: "linux" }, { hasBraille: false }],
  ])("is known by %s", (_, output, env, expected) => {
    expect(terminalOf(output, env)).toMatchObject(expected);
  });
});
