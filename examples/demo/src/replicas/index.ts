// Opens the chosen replicas.

import type { DemoEngines } from "../demo-engines.ts";
import type { Options, ReplicaName } from "../options.ts";
import { dynamodbReplica } from "./dynamodb.ts";
import { opensearchReplica } from "./opensearch.ts";
import { noAdultRating, plausibleRunningTime, postgresReplica } from "./postgres.ts";
import type { Replica } from "./replica.ts";

type Opener = (engines: DemoEngines, options: Options) => Promise<Replica>;

const openers: { readonly [name in ReplicaName]: Opener } = {
  postgres: ({ postgres }, { outage, backfill }) => {
    const constraint = outage ? noAdultRating : plausibleRunningTime;
    return postgresReplica(started("postgres", postgres), backfill ? undefined : constraint);
  },
  opensearch: ({ opensearch }) => opensearchReplica(started("opensearch", opensearch)),
  dynamodb: ({ dynamodb }) => dynamodbReplica(dynamodb),
};

const started = <Engine>(name: string, engine: Engine | undefined): Engine => {
  if (engine === undefined) throw new Error(`the engine ${name} was not started`);
  return engine;
};

/** Opens the chosen replicas on their running engines. */
export const openReplicas = (options: Options, engines: DemoEngines): Promise<Replica[]> =>
  Promise.all(options.replicas.map((name) => openers[name](engines, options)));
