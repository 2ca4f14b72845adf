// Lambda's Runtime API and execution environment for one function: a server that hands out invocations with deadlines,
// and a process that is ended when it misses one.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** What Lambda knows about an error: its type and its message. */
export interface LambdaError {
  readonly errorType: string;
  readonly errorMessage: string;
}

/** The end of an invocation, as Lambda sees it. `timedOut`: the deadline passed, and the process was killed. */
export type Invoked =
  | { readonly response: unknown }
  | { readonly error: LambdaError }
  | { readonly initError: LambdaError }
  | { readonly timedOut: true }
  | { readonly exited: number | null };

/** A function, as it is deployed. */
export interface LambdaFunction {
  /** The folder with the bundle. */
  readonly folder: string;
  /** For example `index.handler`. */
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The timeout of an invocation. */
  readonly timeoutMs: number;
}

/** An execution environment. */
export interface ExecutionEnvironment {
  readonly invoke: (event: unknown) => Promise<Invoked>;
  /** What the function logged. */
  readonly log: () => string;
  readonly stop: () => Promise<void>;
}

interface Pending {
  readonly id: string;
  readonly event: unknown;
  readonly finish: (end: Invoked) => void;
}

const bootstrap = fileURLToPath(new URL("bootstrap.js", import.meta.url));

const start = ({ folder, handler, environment }: LambdaFunction, port: number): ChildProcess =>
  spawn(process.execPath, [bootstrap], {
    cwd: folder,
    // Nothing of the environment of this process, except what a program needs to run.
    env: {
      ...{ PATH: process.env.PATH, HOME: "/tmp", TZ: ":UTC", LANG: "en_US.UTF-8" },
      ...{ AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`, LAMBDA_TASK_ROOT: folder, _HANDLER: handler },
      ...{ AWS_LAMBDA_FUNCTION_NAME: "bundled", AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512" },
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });

/** Starts the function's process. */
export const startFunction = async (deployed: LambdaFunction): Promise<ExecutionEnvironment> => {
  let pending: Pending | undefined;
  let waiting: ServerResponse | undefined;
  let ended: Invoked | undefined;
  let log = "";

  let timer: NodeJS.Timeout | undefined;

  const finish = (end: Invoked): void => {
    clearTimeout(timer);
    pending?.finish(end);
    pending = undefined;
  };
  /** The process ended: the invocation has failed, and so has every later one. */
  const die = (end: Invoked): void => {
    ended ??= end;
    finish(ended);
  };
  const handOut = (): void => {
    if (pending === undefined || waiting === undefined) return;
    waiting.writeHead(200, {
      "Content-Type": "application/json",
      "Lambda-Runtime-Aws-Request-Id": pending.id,
      "Lambda-Runtime-Deadline-Ms": String(Date.now() + deployed.timeoutMs),
      "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:bundled",
    });
    waiting.end(JSON.stringify(pending.event));
    waiting = undefined;
    timer = setTimeout(() => {
      die({ timedOut: true });
      child.kill("SIGKILL");
    }, deployed.timeoutMs);
  };
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? "").replace("/2018-06-01/runtime/", "");
    if (path === "invocation/next") {
      waiting = response;
      handOut();
      return;
    }
    const body: unknown = JSON.parse(await text(request));
    if (path === "init/error") die({ initError: body as LambdaError });
    else if (path === `invocation/${pending?.id}/response`) finish({ response: body });
    else if (path === `invocation/${pending?.id}/error`) finish({ error: body as LambdaError });
    response.writeHead(202).end();
  };

  const server = createServer((request, response) => {
    respond(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const child = start(deployed, (server.address() as AddressInfo).port);
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      log += chunk.toString();
    });
  }
  const exited = once(child, "exit").then(([code]) => die({ exited: code as number | null }));

  return {
    invoke: (event) =>
      new Promise((resolve) => {
        if (ended !== undefined) return resolve(ended);
        pending = { id: randomUUID(), event, finish: resolve };
        handOut();
      }),
    log: () => log,
    stop: async () => {
      child.kill("SIGKILL");
      await exited;
      server.closeAllConnections();
      server.close();
    },
  };
};
