import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { conforms } from "@sluice/testing";
import { appendConformance, upsertConformance } from "./memory-rigs.ts";

const recordingRunner = () => {
  const titles: string[] = [];
  const skipped: string[] = [];
  const run = (title: string): void => void titles.push(title);
  const skip = (title: string): void => void skipped.push(title);
  return { titles, skipped, describe: (_name: string, body: () => void) => body(), test: Object.assign(run, { skip }) };
};

const messageOf = (options: object): string => {
  try {
    conforms(recordingRunner(), { ...upsertConformance(), ...options });
  } catch (error) {
    expect(error).toHaveProperty("code", "CONFIG_INVALID");
    return (error as Error).message;
  }
  return "none";
};

/** Compares ids of cases, to sort them in the README's order: C before U, U before A. */
const byKind = (left: string, right: string): number =>
  "CUA".indexOf(left.charAt(0)) - "CUA".indexOf(right.charAt(0)) || Number(left > right) - Number(left < right);

describe("conforms", () => {
  test("runs every case when nothing is skipped", () => {
    const runner = recordingRunner();
    conforms(runner, upsertConformance());
    expect(runner.skipped).toEqual([]);
    expect(new Set(runner.titles.map((title) => title.slice(0, 3))).size).toBe(24 + 22);
  });

  test("runs exactly the cases that the README lists", () => {
    const runner = recordingRunner();
    conforms(runner, upsertConformance());
    conforms(runner, appendConformance());
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    const listed = [...readme.matchAll(/^\| ([CUA]\d\d) \|/gm)].map(([, id]) => id);
    expect(listed).toEqual([...new Set(runner.titles.map((title) => title.slice(0, 3)))].sort(byKind));
  });

  test("skips a case, and puts the reason into its title and the printed line", () => {
    const runner = recordingRunner();
    const printed: string[] = [];
    const skip = { C16: "the target has no connections" };
    conforms(runner, { ...upsertConformance(), skip, print: (line) => printed.push(line) });
    expect(runner.skipped).toEqual([expect.stringMatching(/^C16 .*\(skipped: the target has no connections\)$/)]);
    expect(printed).toEqual([expect.stringMatching(/C16.*the target has no connections/)]);
  });

  test("skips every case that needs a missing ability", () => {
    const runner = recordingRunner();
    conforms(runner, { ...upsertConformance(), cannot: { refuse: "the engine takes everything" } });
    const ids = runner.skipped.map((title) => title.slice(0, 3));
    expect(ids).toEqual(["C09", "C17", "C19"]);
    expect(runner.skipped[0]).toContain('the rig cannot do "refuse": the engine takes everything');
  });

  test.each([
    ["an unknown case", { skip: { C99: "why not" } }, "skip.C99"],
    ["a case of the other mode", { skip: { A01: "why not" } }, "skip.A01"],
    ["a case without a reason", { skip: { C16: " " } }, "skip.C16: found no reason"],
    ["an unknown ability", { cannot: { flood: "why not" } }, "cannot.flood"],
    ["an inability without a reason", { cannot: { hang: "" } }, "cannot.hang: found no reason"],
    ["missing limits", { limits: {} }, "limits.maxEntries: found none; expected it, or a reason in skip.C07"],
    ["missing bad options", { badOptions: {} }, "badOptions: found none"],
  ])("rejects %s", (_what, options, expected) => {
    expect(messageOf(options)).toContain(expected);
  });

  test("accepts a skip reason instead of a limit", () => {
    expect(messageOf({ limits: {}, skip: { C07: "no limit of entries", C08: "no limit of bytes" } })).toBe("none");
  });

  test("fails each case if the rig opens a sink of the other mode", async () => {
    const failures: unknown[] = [];
    const run = (_title: string, body: () => Promise<void>): void => void failures.push(body());
    const runner = { ...recordingRunner(), test: Object.assign(run, { skip: () => undefined }) };
    const right = upsertConformance();
    conforms(runner, {
      ...right,
      open: async () => {
        const rig = await right.open();
        return { ...rig, sink: { ...rig.sink, supports: { writes: "append" as "upsert" } } };
      },
    });
    await expect(failures[0]).rejects.toThrow("supports.writes: found append; expected upsert");
    await Promise.allSettled(failures);
  });
});
