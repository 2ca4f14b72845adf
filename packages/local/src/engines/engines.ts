// Several engines behind one start and one stop.

import { type DynamodbEngine, type DynamodbEngineOptions, startDynamodb } from "./dynamodb.ts";
import { startElasticmq } from "./elasticmq.ts";
import { EngineMissingError } from "./engine-error.ts";
import { type MotoEngine, type MotoEngineOptions, startMoto } from "./moto.ts";
import { type OpensearchEngine, type OpensearchEngineOptions, startOpensearch } from "./opensearch.ts";
import { type PostgresEngine, type PostgresEngineOptions, startPostgres } from "./postgres.ts";
import { type SqsEngine, type SqsEngineOptions, startSqs } from "./sqs.ts";

/** The engines to start: `true`, or the options of the engine. */
export interface WantedEngines {
  readonly postgres?: true | PostgresEngineOptions;
  readonly dynamodb?: true | DynamodbEngineOptions;
  readonly opensearch?: true | OpensearchEngineOptions;
  readonly sqs?: true | SqsEngineOptions;
  readonly elasticmq?: true | SqsEngineOptions;
  readonly moto?: true | MotoEngineOptions;
}

interface EngineByName {
  readonly postgres: PostgresEngine;
  readonly dynamodb: DynamodbEngine;
  readonly opensearch: OpensearchEngine;
  readonly sqs: SqsEngine;
  readonly elasticmq: SqsEngine;
  readonly moto: MotoEngine;
}

/** The started engines by name, and one `stop` for all of them. */
export type Engines<Wanted extends WantedEngines> = {
  readonly [Name in keyof Wanted & keyof EngineByName]: EngineByName[Name];
} & { readonly stop: () => Promise<void> };

type Stoppable = { readonly stop: () => Promise<void> };

const optionsOf = <Options>(wanted: true | Options): Options | undefined => (wanted === true ? undefined : wanted);

const starting = (wanted: WantedEngines): [string, Promise<Stoppable>][] => {
  const entries: [string, Promise<Stoppable>][] = [];
  if (wanted.postgres) entries.push(["postgres", startPostgres(optionsOf(wanted.postgres))]);
  if (wanted.dynamodb) entries.push(["dynamodb", startDynamodb(optionsOf(wanted.dynamodb))]);
  if (wanted.opensearch) entries.push(["opensearch", startOpensearch(optionsOf(wanted.opensearch))]);
  if (wanted.sqs) entries.push(["sqs", startSqs(optionsOf(wanted.sqs))]);
  if (wanted.elasticmq) entries.push(["elasticmq", startElasticmq(optionsOf(wanted.elasticmq))]);
  if (wanted.moto) entries.push(["moto", startMoto(optionsOf(wanted.moto))]);
  return entries;
};

const stopAll = async (engines: readonly Stoppable[]): Promise<void> => {
  const results = await Promise.allSettled(engines.map((engine) => engine.stop()));
  const failure = results.find((result) => result.status === "rejected");
  if (failure) throw failure.reason;
};

/** One error for all failed starts: a broken engine, or else the missing ones, one a line. */
const failureOf = (errors: readonly unknown[]): unknown => {
  const broken = errors.find((error) => !(error instanceof EngineMissingError));
  if (broken !== undefined || errors.length === 1) return broken ?? errors[0];
  return new EngineMissingError(errors.map((error) => (error as EngineMissingError).message).join("\n"));
};

/**
 * Starts engines in parallel. When one does not start, the others are stopped.
 * @throws {EngineMissingError} that names every missing program; or the error of an engine that failed.
 * @example
 * const engines = await startEngines({ postgres: true, dynamodb: true, sqs: true });
 * const client = new DynamoDBClient(engines.dynamodb.clientConfig);
 * await engines.stop();
 */
export const startEngines = async <const Wanted extends WantedEngines>(wanted: Wanted): Promise<Engines<Wanted>> => {
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
