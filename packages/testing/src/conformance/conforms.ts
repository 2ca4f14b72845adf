// Declares the cases of the conformance kit with any test runner.

import { ConfigError } from "@sluice/core/sink-kit";
import type { Case } from "./case.ts";
import { allCases } from "./cases/index.ts";
import { openBench } from "./harness.ts";
import type { Ability, Conformance } from "./rig.ts";

/** The part of a test runner that the kit needs: Jest's and `node:test`'s fit. */
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
};

const reasonless = (reasons: { readonly [name: string]: string | undefined }): string[] =>
  Object.keys(reasons).filter((name) => (reasons[name] ?? "").trim() === "");

/** What is wrong with the options: a case must not go missing by a slip. */
const faultsOf = <Message>(options: Conformance<Message>, cases: readonly Case[]): string[] => {
  const { skip = {}, cannot = {}, limits = {}, badOptions } = options;
  const ids = new Set<string>(cases.map(({ id }) => id));
  const unknownIds = Object.keys(skip).filter((id) => !ids.has(id));
  const unknownAbilities = Object.keys(cannot).filter((name) => !(name in abilities));
  const unlimited = cases.filter(
    ({ id, needsLimit }) => needsLimit && limits[needsLimit] === undefined && skip[id] === undefined,
  );
  const hasBadOptions = Object.keys(badOptions ?? {}).length > 0;
  return [
    ...unknownIds.map((id) => `skip.${id}: found an unknown case; expected a case of ${options.writes} sinks`),
    ...unknownAbilities.map(
      (name) => `cannot.${name}: found an unknown ability; expected ${Object.keys(abilities).join(", ")}`,
    ),
    ...reasonless(skip).map((id) => `skip.${id}: found no reason; expected one`),
    ...reasonless(cannot).map((name) => `cannot.${name}: found no reason; expected one`),
    ...new Set(
      unlimited.map(({ id, needsLimit }) => `limits.${needsLimit}: found none; expected it, or a reason in skip.${id}`),
    ),
    ...(hasBadOptions || cannot["bad-options"] !== undefined
      ? []
      : ["badOptions: found none; expected at least one, or a reason in cannot.bad-options"]),
  ];
};

/** Why a case does not run; undefined when it does. */
const skippedFor = <Message>({ skip = {}, cannot = {} }: Conformance<Message>, one: Case): string | undefined => {
  const missing = one.needs?.find((ability) => cannot[ability] !== undefined);
  return skip[one.id] ?? (missing && `the rig cannot do "${missing}": ${cannot[missing]}`);
};

const runCase = async <Message>(options: Conformance<Message>, one: Case): Promise<void> => {
  const bench = await openBench(options);
  try {
    await one.run(bench);
  } catch (error) {
    // What the case found matters more than a rig that then does not close.
    await bench.close().catch(() => undefined);
    throw error;
  }
  await bench.close();
};

const printLine = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/**
 * Declares the cases that a sink must pass, inside one `describe`. Each opens a rig of its own and closes it.
 *
 * @throws {ConfigError} CONFIG_INVALID when a skipped case or an inability is unknown or has no reason, or when a limit
 * or a wrong option that a case needs is missing without a reason.
 * @example
 * conforms({ describe, test }, {
 *   writes: "append",
 *   limits: { maxEntries: 10 },
 *   skip: { C08: "the target has no limit of bytes" },
 *   cannot: { "close-idle": "the target is in this process", "bad-options": "it has none" },
 *   open: async () => openMyRig(),
 * });
 */
export const conforms = <Message>(runner: Runner, options: Conformance<Message>): void => {
  const { writes, print = printLine, name = `a sink that writes by ${writes}` } = options;
  const cases = allCases.filter((one) => one.writes === undefined || one.writes === writes);
  const faults = faultsOf(options, cases);
  if (faults.length > 0) throw new ConfigError("CONFIG_INVALID", `[testing] ${faults.join("; ")}`);
  runner.describe(name, () => {
    for (const one of cases) {
      const title = `${one.id} ${one.name}`;
      const reason = skippedFor(options, one);
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
