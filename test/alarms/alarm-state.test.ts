// The emulation of CloudWatch's alarms against the tables of its documentation, and against a plain restatement of its rules.

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type AlarmRule, type AlarmState, alarmState, type DataPoint, type MissingData } from "./alarm-state.ts";

const states = ["OK", "ALARM", "INSUFFICIENT_DATA"] as const;
const treatments = ["missing", "ignore", "breaching", "notBreaching"] as const;

const evaluate = (
  letters: string,
  rule: Omit<AlarmRule, "threshold" | "comparison">,
  before: AlarmState,
  comparison: AlarmRule["comparison"] = "atLeast",
): AlarmState => {
  const bad = comparison === "atLeast" ? 1 : 0;
  const points = [...letters].map((letter): DataPoint => (letter === "-" ? undefined : letter === "X" ? bad : 1 - bad));
  return alarmState(points, { ...rule, comparison, threshold: 1 }, before);
};

/** Data points of the evaluation range, and the states in the order of `treatments`. `kept`: the state does not change. */
type Row = readonly [letters: string, ...expected: readonly (AlarmState | "kept")[]];

const threeOfThree: readonly Row[] = [
  ["0-X-X", "OK", "OK", "OK", "OK"],
  ["0----", "OK", "OK", "OK", "OK"],
  ["-----", "INSUFFICIENT_DATA", "kept", "ALARM", "OK"],
  ["0XX-X", "ALARM", "ALARM", "ALARM", "ALARM"],
  ["--X--", "ALARM", "kept", "ALARM", "OK"],
];

const twoOfThree: readonly Row[] = [
  ["0-X-X", "ALARM", "ALARM", "ALARM", "ALARM"],
  ["00X0X", "ALARM", "ALARM", "ALARM", "ALARM"],
  ["0-X--", "OK", "OK", "ALARM", "OK"],
  ["----0", "OK", "OK", "ALARM", "OK"],
  ["---X-", "ALARM", "kept", "ALARM", "OK"],
];

describe.each([
  [3, threeOfThree],
  [2, twoOfThree],
] as const)("the table for %d of 3 data points", (datapoints, rows) => {
  test.each(rows)("%s", (letters, ...expected) => {
    for (const [index, missing] of treatments.entries()) {
      for (const before of states) {
        const wanted = expected[index] === "kept" ? before : expected[index];
        expect([missing, before, evaluate(letters, { datapoints, periods: 3, missing }, before)]).toEqual([
          missing,
          before,
          wanted,
        ]);
      }
    }
  });
});

test.each(["----X", "---X-"])("%s is too early for an alarm of 3 of 3 data points", (letters) => {
  expect(evaluate(letters, { datapoints: 3, periods: 3, missing: "missing" }, "OK")).toBe("OK");
});

/** The rules once more, on texts: X is breaching, 0 is not, - is missing. */
const restated = (letters: string, datapoints: number, periods: number, missing: MissingData, before: AlarmState) => {
  const real = letters.replaceAll("-", "");
  const isOn = (text: string): boolean => text.replaceAll("0", "").length >= datapoints;
  if (real.length >= periods) return isOn(real.slice(real.length - periods)) ? "ALARM" : "OK";
  if (missing === "breaching") return isOn(real.padEnd(periods, "X")) ? "ALARM" : "OK";
  if (missing === "notBreaching") return isOn(real.padEnd(periods, "0")) ? "ALARM" : "OK";
  if (isOn(real)) return "ALARM";
  if (real.includes("0")) return "OK";
  if (missing === "ignore") return before;
  if (real === "") return "INSUFFICIENT_DATA";
  return new RegExp(`^-*X[X-]{${datapoints - 1},}$`).test(letters) ? "ALARM" : before;
};

test("every range has the state that the rules say", () => {
  const cases = fc.record({
    periods: fc.integer({ min: 1, max: 6 }),
    extra: fc.integer({ min: 0, max: 4 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    missing: fc.constantFrom(...treatments),
    before: fc.constantFrom(...states),
    comparison: fc.constantFrom<AlarmRule["comparison"]>("atLeast", "below"),
    letters: fc.string({ unit: fc.constantFrom("X", "0", "-"), minLength: 10, maxLength: 10 }),
  });
  fc.assert(
    fc.property(cases, ({ periods, extra, share, missing, before, comparison, letters }) => {
      const datapoints = 1 + Math.floor(share * (periods - 1));
      const range = letters.slice(0, periods + extra);
      const found = evaluate(range, { datapoints, periods, missing }, before, comparison);
      expect(found).toBe(restated(range, datapoints, periods, missing, before));
    }),
    { numRuns: 2_000 },
  );
});
