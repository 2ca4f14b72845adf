import { describe, expect, test } from "@jest/globals";
import { type Conformance, conforms, type SpecimenItem } from "@sluice/testing";
import { brokenAppendSinks } from "./broken-append-sinks.ts";
import { brokenReadingSinks } from "./broken-reading-sinks.ts";
import { brokenUpsertSinks } from "./broken-upsert-sinks.ts";
import type { BrokenSink } from "./defect.ts";
import { type AppendMessage, appendConformance, upsertConformance } from "./memory-rigs.ts";

interface Declared {
  readonly title: string;
  readonly run: () => Promise<void>;
}

/** Returns the cases that the kit declares. Uses a runner that collects the cases instead of running them. */
const declared = (conformance: Conformance<SpecimenItem> | Conformance<AppendMessage>): readonly Declared[] => {
  const cases: Declared[] = [];
  const skip = (): void => undefined;
  const record = Object.assign((title: string, run: () => Promise<void>) => void cases.push({ title, run }), { skip });
  const runner = { describe: (_name: string, body: () => void) => body(), test: record };
  if (conformance.writes === "upsert") conforms(runner, conformance as Conformance<SpecimenItem>);
  else conforms(runner, conformance as Conformance<AppendMessage>);
  return cases;
};

/** Runs the cases that must detect the sink's defect, and returns their failures. */
const failuresOf = async ({ conformance, caughtBy }: BrokenSink): Promise<readonly string[]> => {
  const failures: string[] = [];
  for (const { title, run } of declared(conformance).filter((one) => one.title.startsWith(`${caughtBy} `))) {
    await run().catch((error) => failures.push(`${title}: ${error.message}`));
  }
  return failures;
};

const idsOf = (conformance: Conformance<SpecimenItem> | Conformance<AppendMessage>): ReadonlySet<string> =>
  new Set(declared(conformance).map(({ title }) => title.slice(0, 3)));

describe.each([
  ["upsert", brokenUpsertSinks],
  ["reading", brokenReadingSinks],
  ["append", brokenAppendSinks],
] as const)("a broken %s sink", (_writes, brokenSinks) => {
  test.each(brokenSinks.map((broken) => [broken.caughtBy, broken.defect, broken] as const))(
    "fails %s when it %s",
    async (_id, _defect, broken) => {
      const failures = await failuresOf(broken);
      expect(failures).not.toEqual([]);
      expect(failures.join("\n")).toMatch(/found .*; expected /s);
    },
  );
});

describe("the set of broken sinks", () => {
  test("contains a sink for every case of the kit for upsert sinks", () => {
    const caught = new Set<string>([...brokenUpsertSinks, ...brokenReadingSinks].map(({ caughtBy }) => caughtBy));
    expect([...idsOf(upsertConformance())].filter((id) => !caught.has(id))).toEqual([]);
  });

  test("contains a sink for every case of the kit for append sinks", () => {
    const caught = new Set<string>([...brokenUpsertSinks, ...brokenAppendSinks].map(({ caughtBy }) => caughtBy));
    expect([...idsOf(appendConformance())].filter((id) => !caught.has(id))).toEqual([]);
  });
});
