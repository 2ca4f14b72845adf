// Declares the cases of the conformance kit with any test runner.

import { ConfigError, checkOptionNames, type OptionNames } from "@sluice/core/sink-kit";
import { specimenTable } from "../records/specimen.ts";
import type { Case } from "./case.ts";
import { allCases } from "./cases/index.ts";
import { openHarness } from "./harness.ts";
import type { Ability, Conformance } from "./rig.ts";

/** The functions of a test runner that the kit calls, such as those of Jest or `node:test`. */
export interface Runner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly test: ((name: string, body: () => Promise<void>) => unknown) & {
    readonly skip: (name: string, body: () => Promise<void>) => unknown;
  };
}

const abilities: Readonly<Record<Ability, true>> = {
  throttle: true,
  "throttle-one": true,
  refuse: true,
  down: true,
  deny: true,
  "drop-after-send": true,
  hang: true,
  "close-idle": true,
  "bad-options": true,
  dryRun: true,
  read: true,
  keys: true,
};

const known: OptionNames<Conformance<unknown>> = {
  writes: true,
  open: true,
  name: true,
  limits: true,
  cannot: true,
  skip: true,
  badOptions: true,
  seed: true,
  print: true,
};

const withoutReason = (reasons: { readonly [name: string]: string | undefined }): string[] =>
  Object.keys(reasons).filter((name) => (reasons[name] ?? "").trim() === "");

/** Returns the mistakes in the options. Without this check, a mistake could make the kit skip a case unnoticed. */
const problemsOf = <Message>(options: Conformance<Message>, cases: readonly Case[]): string[] => {
  const { skip = {}, cannot = {}, limits = {}, badOptions } = options;
  const ids = new Set<string>(cases.map(({ id }) => id));
  const unknownIds = Object.keys(skip).filter((id) => !ids.has(id));
  const unknownAbilities = Object.keys(cannot).filter((name) => !Object.hasOwn(abilities, name));
  const unlimited = cases.filter(
    ({ id, needsLimit }) => needsLimit && limits[needsLimit] === undefined && skip[id] === undefined,
  );
  const hasBadOptions = Object.keys(badOptions ?? {}).length > 0;
  return [
    ...unknownIds.map((id) => `skip.${id}: found an unknown case; expected a case of ${options.writes} sinks`),
    ...unknownAbilities.map(
      (name) => `cannot.${name}: found an unknown ability; expected ${Object.keys(abilities).join(", ")}`,
    ),
    ...withoutReason(skip).map((id) => `skip.${id}: found no reason; expected one`),
    ...withoutReason(cannot).map((name) => `cannot.${name}: found no reason; expected one`),
    ...new Set(
      unlimited.map(({ id, needsLimit }) => `limits.${needsLimit}: found none; expected it, or a reason in skip.${id}`),
    ),
    ...(hasBadOptions || cannot["bad-options"] !== undefined
      ? []
      : ["badOptions: found none; expected at least one, or a reason in cannot.bad-options"]),
  ];
};

/** The reason why a case is skipped; undefined when the case runs. */
const skipReason = <Message>({ skip = {}, cannot = {} }: Conformance<Message>, one: Case): string | undefined => {
  const missing = one.needs?.find((ability) => cannot[ability] !== undefined);
  return skip[one.id] ?? (missing && `the rig cannot do "${missing}": ${cannot[missing]}`);
};

const runCase = async <Message>(options: Conformance<Message>, one: Case): Promise<void> => {
  const harness = await openHarness(options);
  try {
    await one.run(harness, specimenTable());
  } catch (error) {
    // If `close` fails too, its error is ignored, because the error of the case is thrown.
    await harness.close().catch(() => undefined);
    throw error;
  }
  await harness.close();
};

const printLine = (line: string): void => void process.stderr.write(`${line}\n`);

/**
 * Declares the cases that a sink must pass, inside one `describe`. Each case opens its own rig and closes it.
 *
 * @throws {ConfigError} CONFIG_INVALID when `skip` or `cannot` has an unknown name or an empty reason, or when `limits` or
 * `badOptions` lacks a value that a case needs.
 * @example
 * conforms({ describe, test }, {
 *   writes: "append",
 *   limits: { maxEntries: 10 },
 *   skip: { C08: "the target has no limit of bytes" },
 *   cannot: { "close-idle": "the target is in this process", "bad-options": "the sink has no options" },
 *   open: async () => openMyRig(),
 * });
 */
export const conforms = <Message>(runner: Runner, options: Conformance<Message>): void => {
  checkOptionNames("conforms", options, known);
  checkOptionNames("conforms({ limits })", options.limits ?? {}, { maxEntries: true, maxBytes: true });
  const { writes, print = printLine, name = `a sink that writes by ${writes}` } = options;
  const cases = allCases.filter((one) => one.writes === undefined || one.writes === writes);
  const problems = problemsOf(options, cases);
  if (problems.length > 0) throw new ConfigError("CONFIG_INVALID", `[testing] ${problems.join("; ")}`);
  runner.describe(name, () => {
    for (const one of cases) {
      const title = `${one.id} ${one.name}`;
      const reason = skipReason(options, one);
      const run = (): Promise<void> => runCase(options, one);
      if (reason === undefined) {
        runner.test(title, run);
      } else {
        print(`skipped: ${name}: ${title}: ${reason}`);
        runner.test.skip(`${title} (skipped: ${reason})`, run);
      }
    }
  });
};
