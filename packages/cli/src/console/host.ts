// The host of a console of a deployment: what the console's server asks.

import type { Abilities, About, ConsoleHost, Overview, RunInput } from "@sluice/console";
import type { Clients } from "@sluice/inspect";
import { type ActionPlace, type Actions, actionsOf } from "../actions/actions.ts";
import { CommandError } from "../command-line/command-error.ts";
import { aboutOf, type ConsoleSubject, pipelineName } from "./about.ts";
import type { Discovery } from "./discovery.ts";
import { readOverview } from "./overview.ts";
import { type GivenQueues, queuesOf } from "./queues.ts";

/** What a host needs. */
export interface HostParts {
  readonly subject: ConsoleSubject;
  readonly given: GivenQueues & Pick<ActionPlace, "payloadStore">;
  readonly clients: Clients;
  readonly discovery: Discovery;
  /** The folder into which dropped dead letters and states of runs are written. */
  readonly directory: string;
}

/** Time between two overviews. CloudWatch takes about a minute for a metric, and each question costs money. */
const everyMs = 30_000;

/** A page that is loaded again gets the numbers of the last seconds. */
const rememberedMs = 10_000;

const refused = (what: string, expected: string): CommandError =>
  new CommandError(`this console does not ${what}; expected ${expected}`);

/** @throws {CommandError} when the console was started without the right to such a run */
const checkRun = (input: RunInput, { runs, onlyCompares }: Abilities): void => {
  const withWrite = "a start of sluice console with --write";
  if (!runs.includes(input.kind)) {
    if (input.kind === "redrive") throw refused("redrive", "a start without --read-only");
    if (input.kind === "backfill") throw refused("run backfills", `${withWrite}, and the pipeline's module`);
    throw refused("verify", "a start with the pipeline's module, and a table");
  }
  if (input.kind === "verify" && input.repairs && onlyCompares) throw refused("repair copies", withWrite);
};

/** Actions that look at what the console may do, besides the server: a right that was not given is not used. */
const guarded = (actions: () => Actions, can: () => Abilities): Omit<Actions, "commandOf"> => ({
  item: (question, signal) => actions().item(question, signal),
  itemValues: (question, signal) => actions().itemValues(question, signal),
  deadLetters: (queueUrl, signal) => actions().deadLetters(queueUrl, signal),
  deadLetter: (queueUrl, id, signal) => actions().deadLetter(queueUrl, id, signal),
  exportDeadLetters: (selection, signal) => actions().exportDeadLetters(selection, signal),
  editDeadLetter: async (edit, signal) => {
    if (!can().editDeadLetter) throw refused("edit dead letters", "a start of sluice console with --write");
    return actions().editDeadLetter(edit, signal);
  },
  dropDeadLetters: async (selection, signal) => {
    if (!can().dropDeadLetters) throw refused("drop dead letters", "a start of sluice console with --write");
    return actions().dropDeadLetters(selection, signal);
  },
  run: async (input, call) => {
    checkRun(input, can());
    return actions().run(input, call);
  },
  doctor: (signal) => actions().doctor(signal),
});

/** What was found, as the page and the actions need it. */
interface Known {
  readonly about: () => About;
  readonly actions: () => Actions;
  readonly onAbout: ConsoleHost["onAbout"];
  /** Takes over what the discovery has found since. */
  readonly update: () => void;
}

const watchKnown = ({ subject, given, discovery, directory }: HostParts): Known => {
  const listeners = new Set<() => void>();
  const describe = (): About => {
    const { facts } = discovery.now();
    return aboutOf(subject, discovery.now(), queuesOf(pipelineName(subject), facts, given));
  };
  const open = ({ queues }: About): Actions =>
    actionsOf({
      module: subject.module,
      modulePath: subject.modulePath,
      table: discovery.now().table?.address,
      functionName: subject.functionName,
      queues,
      payloadStore: given.payloadStore,
      aws: subject.aws,
      directory,
    });
  let about = describe();
  let actions: Actions | undefined;
  return {
    about: () => about,
    actions: () => {
      actions ??= open(about);
      return actions;
    },
    onAbout: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    update: () => {
      const found = describe();
      if (JSON.stringify(found) === JSON.stringify(about)) return;
      about = found;
      actions = undefined;
      for (const listener of listeners) listener();
    },
  };
};

/** Creates the host of a deployment. */
export const deploymentHost = (parts: HostParts): ConsoleHost => {
  const { subject, clients, discovery } = parts;
  const known = watchKnown(parts);
  let last: Overview | undefined;
  return {
    about: known.about,
    onAbout: known.onAbout,
    everyMs,
    overview: async () => {
      if (last !== undefined && Date.now() - last.at < rememberedMs) return last;
      if (await discovery.refresh()) known.update();
      const { pipelines, queues } = known.about();
      last = await readOverview(clients, Date.now(), {
        pipeline: pipelineName(subject),
        routes: pipelines.flatMap(({ routes }) => routes.map(({ name }) => name)),
        queues,
        deployment: discovery.now(),
      });
      return last;
    },
    ...guarded(known.actions, () => known.about().can),
    commandOf: (input) => known.actions().commandOf(input),
  };
};
