// Starts several engines with one call, and stops them with one call.

import { checkOptionNames } from "@sluice/core/sink-kit";
import { startDynamodb } from "./dynamodb.ts";
import { startElasticmq } from "./elasticmq.ts";
import { EngineMissingError } from "./engine-error.ts";
import { startMinistack } from "./ministack.ts";
import { startMoto } from "./moto.ts";
import { startOpensearch } from "./opensearch.ts";
import { startPostgres } from "./postgres.ts";
import { startSqs } from "./sqs.ts";

interface Starters {
  readonly postgres: typeof startPostgres;
  readonly dynamodb: typeof startDynamodb;
  readonly opensearch: typeof startOpensearch;
  readonly sqs: typeof startSqs;
  readonly elasticmq: typeof startElasticmq;
  readonly moto: typeof startMoto;
  readonly ministack: typeof startMinistack;
}

/** The engines to start: `true`, or the options of the engine. */
export type WantedEngines = {
  readonly [Name in keyof Starters]?: true | NonNullable<Parameters<Starters[Name]>[0]>;
};

/** The started engines by name, and one `stop` for all of them. */
export type Engines<Wanted extends WantedEngines> = {
  readonly [Name in keyof Wanted & keyof Starters]: Awaited<ReturnType<Starters[Name]>>;
} & { readonly stop: () => Promise<void> };

type Stoppable = { readonly stop: () => Promise<void> };

const starters: Starters = {
  postgres: startPostgres,
  dynamodb: startDynamodb,
  opensearch: startOpensearch,
  sqs: startSqs,
  elasticmq: startElasticmq,
  moto: startMoto,
  ministack: startMinistack,
};

const starting = (wanted: WantedEngines): [string, Promise<Stoppable>][] =>
  Object.entries(starters).flatMap(([name, start]: [string, (options?: object) => Promise<Stoppable>]) => {
    const options = wanted[name as keyof WantedEngines];
    return options ? [[name, start(options === true ? undefined : options)]] : [];
  });

const stopAll = async (engines: readonly Stoppable[]): Promise<void> => {
  const results = await Promise.allSettled(engines.map((engine) => engine.stop()));
  const failure = results.find((result) => result.status === "rejected");
  if (failure) throw failure.reason;
};

/** Returns the error of an engine that is installed but failed, or else one error that lists all missing programs. */
const failureOf = (errors: readonly unknown[]): unknown => {
  const broken = errors.find((error) => !(error instanceof EngineMissingError));
  if (broken !== undefined || errors.length === 1) return broken ?? errors[0];
  return new EngineMissingError(errors.map((error) => (error as EngineMissingError).message).join("\n"));
};

/**
 * Starts engines in parallel. If an engine does not start, all other engines are stopped.
 * @throws {ConfigError} CONFIG_INVALID when there is no such engine.
 * @throws {EngineMissingError} that names every missing program. If an installed engine fails, throws its error.
 * @example
 * const engines = await startEngines({ postgres: true, dynamodb: true, sqs: true });
 * const client = new DynamoDBClient(engines.dynamodb.clientConfig);
 * await engines.stop();
 */
export const startEngines = async <const Wanted extends WantedEngines>(wanted: Wanted): Promise<Engines<Wanted>> => {
  const names = {
    postgres: true,
    dynamodb: true,
    opensearch: true,
    sqs: true,
    elasticmq: true,
    moto: true,
    ministack: true,
  } as const;
  checkOptionNames<WantedEngines>("startEngines", wanted, names);
  const entries = starting(wanted);
  const results = await Promise.allSettled(entries.map(([, engine]) => engine));
  const started = results.filter((result) => result.status === "fulfilled").map(({ value }) => value);
  const errors = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  if (errors.length > 0) {
    await stopAll(started);
    throw failureOf(errors);
  }
  const byName = Object.fromEntries(entries.map(([name], index) => [name, started[index]]));
  return { ...byName, stop: () => stopAll(started) } as unknown as Engines<Wanted>;
};
