// Starts the engines that the modules need. An engine whose address is given is used, and never stopped or emptied.

import { setTimeout as sleep } from "node:timers/promises";
import {
  type DynamodbEngine,
  type OpensearchEngine,
  type PostgresEngine,
  type SqsEngine,
  startDynamodb,
  startOpensearch,
  startPostgres,
  startSqs,
} from "@sluice/local";
import type { Variables } from "../environment/env-file.ts";
import { type HttpReceiver, startHttpReceiver } from "./http-receiver.ts";
import type { EngineName } from "./needs.ts";
import { createInbox, type Inbox } from "./received.ts";
import { type SmtpReceiver, startSmtpReceiver } from "./smtp-receiver.ts";

/** The engines of a run. */
export interface DevEngines {
  readonly dynamodb: DynamodbEngine;
  readonly sqs: SqsEngine;
  readonly postgres?: Pick<PostgresEngine, "url">;
  readonly opensearch?: Pick<OpensearchEngine, "url">;
  readonly smtp?: SmtpReceiver;
  readonly http?: HttpReceiver;
  /** What the mail server and the HTTP server have received. */
  readonly inbox: Inbox;
  /** The engines whose address was given. */
  readonly given: ReadonlySet<string>;
}

type Stoppable = { readonly stop: () => Promise<void> };

/** Engines that are started one after the other, as soon as it is known that they are needed. */
export interface EngineStarter {
  /** Starts the engines that are missing. Resolves when all are ready. */
  readonly start: (names: ReadonlySet<EngineName>) => Promise<DevEngines>;
  /** Stops the engines, also those that are still starting. */
  readonly stop: () => Promise<void>;
}

/** How long the end of the command waits for an engine that is still starting. */
const startingMs = 500;

/** Stops an engine. One that is still starting is stopped later, or ends with this process. */
const stopOne = async (starting: Promise<Stoppable>): Promise<void> => {
  const timer = new AbortController();
  const late = sleep(startingMs, undefined, { signal: timer.signal }).catch(() => undefined);
  const stopped = starting.then(
    (engine) => engine.stop(),
    () => undefined, // whoever waits for the start got the error
  );
  await Promise.race([stopped, late]);
  timer.abort();
};

/** The variables with the addresses of given engines. */
const addressNames = {
  dynamodb: ["DYNAMODB_ENDPOINT", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"],
  sqs: ["AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL"],
  postgres: ["DATABASE_URL"],
  opensearch: ["OPENSEARCH_URL", "OPENSEARCH_NODE"],
  smtp: ["SMTP_URL"],
} as const;

/** What is known of the engines. */
interface Starting {
  readonly variables: Variables;
  readonly given: Set<string>;
  readonly inbox: Inbox;
  /** The engines that were started, by name. */
  readonly engines: Map<string, Promise<Stoppable>>;
}

/** The address that the user gave. */
const addressOf = ({ variables, given }: Starting, engine: keyof typeof addressNames): string | undefined => {
  const name = addressNames[engine].find((one) => (variables[one] ?? "") !== "");
  if (name !== undefined) given.add(engine);
  return name === undefined ? undefined : variables[name];
};

const once = <Engine extends Stoppable>(
  { engines }: Starting,
  name: string,
  start: () => Promise<Engine>,
): Promise<Engine> => {
  const found = engines.get(name) ?? start();
  engines.set(name, found);
  // Whoever waits for all engines gets the error.
  found.catch(() => undefined);
  return found as Promise<Engine>;
};

const dynamodbOf = (starting: Starting): Promise<DynamodbEngine> => {
  const endpoint = addressOf(starting, "dynamodb");
  return once(starting, "dynamodb", () => startDynamodb(endpoint === undefined ? {} : { endpoint }));
};

const sqsOf = (starting: Starting): Promise<SqsEngine> => {
  const endpoint = addressOf(starting, "sqs");
  return once(starting, "sqs", () => startSqs(endpoint === undefined ? {} : { endpoint }));
};

const postgresOf = (starting: Starting): Promise<PostgresEngine> => {
  const url = addressOf(starting, "postgres");
  return once(starting, "postgres", () => startPostgres(url === undefined ? {} : { url }));
};

const opensearchOf = (starting: Starting): Promise<OpensearchEngine> => {
  const url = addressOf(starting, "opensearch");
  return once(starting, "opensearch", () => startOpensearch(url === undefined ? {} : { url }));
};

/** The mail server of the run, unless the user gave the address of another. */
const smtpOf = async (starting: Starting): Promise<SmtpReceiver | undefined> =>
  addressOf(starting, "smtp") === undefined
    ? once(starting, "smtp", () => startSmtpReceiver(starting.inbox))
    : undefined;

const httpOf = (starting: Starting): Promise<HttpReceiver> =>
  once(starting, "http", () => startHttpReceiver(starting.inbox));

const startAll = async (starting: Starting, names: ReadonlySet<EngineName>): Promise<DevEngines> => {
  const [dynamodb, sqs, postgres, opensearch, smtp, http] = await Promise.all([
    dynamodbOf(starting),
    sqsOf(starting),
    names.has("postgres") ? postgresOf(starting) : undefined,
    names.has("opensearch") ? opensearchOf(starting) : undefined,
    names.has("smtp") ? smtpOf(starting) : undefined,
    names.has("http") ? httpOf(starting) : undefined,
  ]);
  return {
    dynamodb,
    sqs,
    ...(postgres && { postgres }),
    ...(opensearch && { opensearch }),
    ...(smtp && { smtp }),
    ...(http && { http }),
    inbox: starting.inbox,
    given: starting.given,
  };
};

/**
 * Creates a starter. `variables` are those of the user, which may have addresses of engines. DynamoDB and SQS are started at
 * once, because every pipeline needs them.
 */
export const engineStarter = (variables: Variables): EngineStarter => {
  const starting: Starting = { variables, given: new Set(), inbox: createInbox(), engines: new Map() };
  void dynamodbOf(starting);
  void sqsOf(starting);
  return {
    start: (names) => startAll(starting, names),
    stop: async () => {
      await Promise.all([...starting.engines.values()].map(stopOne));
    },
  };
};
