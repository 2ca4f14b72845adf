// A small client of Lambda's Runtime API, as in Lambda's Node.js runtimes: finds the handler of `_HANDLER` in
// `LAMBDA_TASK_ROOT`, reports an error of the initialization, and handles one invocation after the other.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { AWS_LAMBDA_RUNTIME_API: api, LAMBDA_TASK_ROOT: root, _HANDLER: handlerName } = process.env;
const base = `http://${api}/2018-06-01/runtime`;

const post = async (path, body, headers = {}) => {
  const response = await fetch(`${base}/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  await response.arrayBuffer();
};

const errorOf = (error) => ({
  errorType: error?.name ?? "Error",
  errorMessage: error?.message ?? String(error),
  trace: String(error?.stack ?? "").split("\n"),
});

const report = (path, error) => {
  const body = errorOf(error);
  console.error(JSON.stringify(body));
  return post(path, body, { "Lambda-Runtime-Function-Error-Type": body.errorType });
};

/** Loads index.js, index.mjs or index.cjs, in this order. `require` loads CommonJS. */
const load = async (module) => {
  const file = [".js", ".mjs", ".cjs"].map((end) => join(root, `${module}${end}`)).find(existsSync);
  if (file === undefined) throw new Error(`Cannot find module '${module}'`);
  return file.endsWith(".cjs") ? createRequire(file)(file) : import(pathToFileURL(file).href);
};

const handle = async (handler) => {
  const next = await fetch(`${base}/invocation/next`);
  const event = await next.json();
  const awsRequestId = next.headers.get("Lambda-Runtime-Aws-Request-Id");
  const deadline = Number(next.headers.get("Lambda-Runtime-Deadline-Ms"));
  const context = {
    awsRequestId,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: "$LATEST",
    invokedFunctionArn: next.headers.get("Lambda-Runtime-Invoked-Function-Arn"),
    memoryLimitInMB: "512",
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  try {
    await post(`invocation/${awsRequestId}/response`, (await handler(event, context)) ?? null);
  } catch (error) {
    await report(`invocation/${awsRequestId}/error`, error);
  }
};

try {
  const [module, name] = handlerName.split(".");
  const handler = (await load(module))[name];
  if (typeof handler !== "function") throw new Error(`${handlerName} is undefined or not exported`);
  for (;;) await handle(handler);
} catch (error) {
  await report("init/error", error);
  process.exit(1);
}
