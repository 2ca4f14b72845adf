// Starts the engines that the modules need. An engine whose address is given is used, and never stopped or emptied.

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

/** The variables with the addresses of given engines. */
const addressNames = {
  dynamodb: ["DYNAMODB_ENDPOINT", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"],
  sqs: ["AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL"],
  postgres: ["DATABASE_URL"],
  opensearch: ["OPENSEARCH_URL", "OPENSEARCH_NODE"],
  smtp: ["SMTP_URL"],
} as const;

/**
 * Creates a starter. `variables` are those of the user, which may have addresses of engines. DynamoDB and SQS are started at
 * once, because every pipeline needs them.
 */
export const engineStarter = (variables: Variables): EngineStarter => {
  const given = new Set<string>();
  const inbox = createInbox();
  const addressOf = (engine: keyof typeof addressNames): string | undefined => {
    const name = addressNames[engine].find((one) => (variables[one] ?? "") !== "");
    if (name !== undefined) given.add(engine);
    return name === undefined ? undefined : variables[name];
  };
  const starting = new Map<string, Promise<Stoppable | undefined>>();
  const once = <Engine extends Stoppable>(name: string, start: () => Promise<Engine>): Promise<Engine> => {
    const found = starting.get(name) ?? start();
    starting.set(name, found);
    // Whoever waits for all engines gets the error.
    found.catch(() => undefined);
    return found as Promise<Engine>;
  };
  const [ddb, queue] = [addressOf("dynamodb"), addressOf("sqs")];
  const dynamodb = once("dynamodb", () => startDynamodb(ddb === undefined ? {} : { endpoint: ddb }));
  const sqs = once("sqs", () => startSqs(queue === undefined ? {} : { endpoint: queue }));
  const postgres = () => {
    const url = addressOf("postgres");
    return once("postgres", () => startPostgres(url === undefined ? {} : { url }));
  };
  const opensearch = () => {
    const url = addressOf("opensearch");
    return once("opensearch", () => startOpensearch(url === undefined ? {} : { url }));
  };
  const smtp = async (): Promise<SmtpReceiver | undefined> =>
    addressOf("smtp") === undefined ? once("smtp", () => startSmtpReceiver(inbox)) : undefined;
  const http = () => once("http", () => startHttpReceiver(inbox));
  const start: EngineStarter["start"] = async (names) => {
    const [one, two, three, four, five, six] = await Promise.all([
      dynamodb,
      sqs,
      names.has("postgres") ? postgres() : undefined,
      names.has("opensearch") ? opensearch() : undefined,
      names.has("smtp") ? smtp() : undefined,
      names.has("http") ? http() : undefined,
    ]);
    return {
      dynamodb: one,
      sqs: two,
      ...(three && { postgres: three }),
      ...(four && { opensearch: four }),
      ...(five && { smtp: five }),
      ...(six && { http: six }),
      inbox,
      given,
    };
  };
  const stop = async (): Promise<void> => {
    const engines = await Promise.allSettled(starting.values());
    await Promise.all(engines.map((engine) => (engine.status === "fulfilled" ? engine.value?.stop() : undefined)));
  };
  return { start, stop };
};
