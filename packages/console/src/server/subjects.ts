// What requests are about must be what the console is about: its pipelines, routes, keys and queues.

import type { PipelineAbout } from "../api/about.ts";
import type { ItemQuestion } from "../api/item.ts";
import type { RunInput } from "../api/runs.ts";
import type { ConsoleHost } from "../host.ts";
import { HttpError } from "./http-error.ts";

type AboutHost = Pick<ConsoleHost, "about">;

const unknown = (subject: string): HttpError =>
  new HttpError("SUBJECT_UNKNOWN", `${subject} is none of this console's; expected one that its overview shows`);

/** Refuses queues that the console does not have. */
export const checkQueue = (host: AboutHost, url: string): void => {
  if (!host.about().queues.some((queue) => queue.url === url)) throw unknown("the queue");
};

const pipelineOf = (host: AboutHost, name: string): PipelineAbout => {
  const found = host.about().pipelines.find((pipeline) => pipeline.name === name);
  if (found === undefined) throw unknown("the pipeline");
  return found;
};

/** Refuses pipelines that the console does not have, and keys of other tables. */
export const checkItem = (host: AboutHost, { pipeline, keys }: ItemQuestion): void => {
  const { keyNames } = pipelineOf(host, pipeline);
  const names = Object.keys(keys);
  if (keyNames.length === 0 || (names.length === keyNames.length && keyNames.every((name) => names.includes(name)))) {
    return;
  }
  throw new HttpError("INPUT_INVALID", `keys: expected the attributes ${keyNames.join(" and ")}; found other ones`);
};

/** Refuses runs of pipelines, routes and queues that the console does not have. */
export const checkRun = (host: AboutHost, input: RunInput): void => {
  const { routes } = pipelineOf(host, input.pipeline);
  if (input.kind === "redrive") {
    checkQueue(host, input.queueUrl);
    return;
  }
  const isKnown = (name: string): boolean => routes.some((route) => route.name === name);
  if (routes.length > 0 && input.routes !== undefined && !input.routes.every(isKnown)) throw unknown("a route");
};
