// Opens the replicas that were asked for.

import type { DemoEngines } from "../demo-engines.ts";
import type { ReplicaName } from "../options.ts";
import { dynamodbReplica } from "./dynamodb.ts";
import { opensearchReplica } from "./opensearch.ts";
import { postgresReplica } from "./postgres.ts";
import type { Replica } from "./replica.ts";

const openers: { readonly [name in ReplicaName]: (engines: DemoEngines) => Promise<Replica> } = {
  postgres: ({ postgres }) => postgresReplica(started("postgres", postgres)),
  opensearch: ({ opensearch }) => opensearchReplica(started("opensearch", opensearch)),
  dynamodb: ({ dynamodb }) => dynamodbReplica(dynamodb),
};

const started = <Engine>(name: string, engine: Engine | undefined): Engine => {
  if (engine === undefined) throw new Error(`the engine ${name} was not started`);
  return engine;
};

/** Opens them, each on its engine. */
export const openReplicas = (names: readonly ReplicaName[], engines: DemoEngines): Promise<Replica[]> =>
  Promise.all(names.map((name) => openers[name](engines)));
