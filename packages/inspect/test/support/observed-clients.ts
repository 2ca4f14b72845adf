// Clients of a local engine that write down each call, refuse actions, and change answers that an engine cannot give.

import type { MotoEngine } from "@sluice/local";
import { type Clients, openClients } from "../../src/index.ts";

/** Clients, and what a test does to their calls. */
export interface ObservedClients {
  readonly clients: Clients;
  /** The calls so far, as actions of IAM: `lambda:GetFunctionConfiguration`. */
  readonly calls: string[];
  /** From now on, the action ends with AccessDeniedException. */
  readonly deny: (action: string) => void;
  /** From now on, each answer of the action is changed. */
  readonly rewrite: (action: string, change: (answer: never) => object) => void;
}

const services: Readonly<Record<string, string>> = {
  Lambda: "lambda",
  DynamoDB: "dynamodb",
  DynamoDBStreams: "dynamodb",
  SQS: "sqs",
  IAM: "iam",
  CloudWatch: "cloudwatch",
  CloudWatchLogs: "logs",
};

const denial = (action: string): Error =>
  Object.assign(new Error(`not authorized to perform: ${action}`), { name: "AccessDeniedException" });

interface Call {
  readonly clientName?: string;
  readonly commandName?: string;
}

type Next = (args: unknown) => Promise<{ readonly output: object; readonly response: unknown }>;

/** A client with its stack, as every client of the SDK has it. */
interface AnyClient {
  readonly middlewareStack: {
    readonly add: (middleware: (next: Next, call: Call) => Next, options: { step: "initialize" }) => void;
  };
}

/** Opens clients of an engine that write down each call. */
export const observedClients = (engine: Pick<MotoEngine, "clientConfig">): ObservedClients => {
  const calls: string[] = [];
  const denied = new Set<string>();
  const changes = new Map<string, (answer: never) => object>();
  const clients = openClients(() => ({ ...engine.clientConfig, maxAttempts: 1 }));
  for (const client of Object.values(clients) as readonly AnyClient[]) {
    client.middlewareStack.add(
      (next, { clientName = "", commandName = "" }) =>
        async (args) => {
          const service = services[clientName.replace(/Client$/, "")] ?? clientName;
          const action = `${service}:${commandName.replace(/Command$/, "")}`;
          calls.push(action);
          if (denied.has(action)) throw denial(action);
          const result = await next(args);
          const change = changes.get(action);
          return change === undefined ? result : { ...result, output: change(result.output as never) };
        },
      { step: "initialize" },
    );
  }
  return {
    clients,
    calls,
    deny: (action) => {
      denied.add(action);
    },
    rewrite: (action, change) => {
      const before = changes.get(action);
      changes.set(action, (answer) => change((before?.(answer) ?? answer) as never));
    },
  };
};
