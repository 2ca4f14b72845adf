// The POST requests: what each reads, may, and answers.

import type { Abilities } from "../api/about.ts";
import type { ItemQuestion, ItemView } from "../api/item.ts";
import type { RunInput } from "../api/runs.ts";
import type { ConsoleHost } from "../host.ts";
import {
  deadLetterEdit,
  deadLetterName,
  deadLetterSelection,
  itemQuestion,
  nothing,
  runInput,
} from "../input/bodies.ts";
import type { RunManager } from "../runs/run-manager.ts";
import type { RunAction } from "../runs/run-state.ts";
import { type Answer, jsonAnswer, linesAnswer } from "./answers.ts";
import { HttpError } from "./http-error.ts";
import { checkItem, checkQueue, checkRun } from "./subjects.ts";

/** Bytes. */
export const megabyte: number = 1024 * 1024;

/** A POST request. */
export interface Action {
  readonly path: string;
  /** Whether it changes something: then it is done once for each key, and goes on when its page has gone. */
  readonly changes: boolean;
  readonly maxBytes: number;
  /** Answers a body. `id` is the one in the path. */
  readonly answer: (body: unknown, id: string, signal: AbortSignal) => Promise<Answer>;
}

/** What actions work with. */
export interface ActionParts {
  readonly host: ConsoleHost;
  readonly runs: RunManager;
}

const allow = (isAllowed: boolean, action: string): void => {
  if (!isAllowed) throw new HttpError("ACTION_UNAVAILABLE", `this console may not ${action}`);
};

const itemView = async (host: ConsoleHost, question: ItemQuestion, signal: AbortSignal): Promise<ItemView> => {
  const { trace } = await host.item(question, signal);
  return { trace, changes: host.feed?.ofItem(question.pipeline, question.keys) ?? [] };
};

const itemActions = ({ host }: ActionParts): readonly Action[] => {
  const read = (body: unknown): ItemQuestion => {
    const question = itemQuestion(body);
    allow(host.about().can.item, "read items");
    checkItem(host, question);
    return question;
  };
  return [
    {
      path: "/api/item",
      changes: false,
      maxBytes: megabyte,
      answer: async (body, _, signal) => jsonAnswer(await itemView(host, read(body), signal)),
    },
    {
      path: "/api/item/values",
      changes: false,
      maxBytes: megabyte,
      answer: async (body, _, signal) => jsonAnswer(await host.itemValues(read(body), signal)),
    },
  ];
};

/** Reads the body of a request for dead letters. Its queue must be one of the console's. */
const ofQueue = <Input extends { readonly queueUrl: string }>(
  host: ConsoleHost,
  read: (body: unknown) => Input,
  body: unknown,
): Input => {
  const input = read(body);
  checkQueue(host, input.queueUrl);
  return input;
};

const deadLetterReads = ({ host }: ActionParts): readonly Action[] => [
  {
    path: "/api/dead-letters/show",
    changes: false,
    maxBytes: megabyte,
    answer: async (body, _, signal) => {
      const { queueUrl, id } = ofQueue(host, deadLetterName, body);
      return jsonAnswer(await host.deadLetter(queueUrl, id, signal));
    },
  },
  {
    path: "/api/dead-letters/export",
    changes: false,
    maxBytes: megabyte,
    answer: async (body, _, signal) =>
      linesAnswer(await host.exportDeadLetters(ofQueue(host, deadLetterSelection, body), signal)),
  },
];

const deadLetterChanges = ({ host }: ActionParts): readonly Action[] => [
  {
    path: "/api/dead-letters/edit",
    changes: true,
    // An item of 400 KB is longer as DynamoDB's JSON: a list of small numbers most, by a factor of about 5.
    maxBytes: 4 * megabyte,
    answer: async (body, _, signal) => {
      const edit = ofQueue(host, deadLetterEdit, body);
      allow(host.about().can.editDeadLetter, "edit dead letters");
      return jsonAnswer(await host.editDeadLetter(edit, signal));
    },
  },
  {
    path: "/api/dead-letters/drop",
    changes: true,
    maxBytes: megabyte,
    answer: async (body, _, signal) => {
      const selection = ofQueue(host, deadLetterSelection, body);
      allow(host.about().can.dropDeadLetters, "drop dead letters");
      return jsonAnswer(await host.dropDeadLetters(selection, signal));
    },
  },
];

/** A repair sends deliveries, as a redrive does. */
const mayRepair = ({ redrive, onlyCompares }: Abilities): boolean => redrive && onlyCompares !== true;

const mayRun = (can: Abilities, input: RunInput): boolean => {
  if (input.kind === "redrive") return can.redrive;
  return can.runs.includes(input.kind) && !(input.kind === "verify" && input.repairs === true && !mayRepair(can));
};

const allowRun = (host: ConsoleHost, input: RunInput): void => {
  const isRepair = input.kind === "verify" && input.repairs === true;
  allow(mayRun(host.about().can, input), `start a ${input.kind}${isRepair ? " that repairs" : ""}`);
};

const runControl = ({ host, runs }: ActionParts, action: RunAction): Action => ({
  path: `/api/runs/:id/${action}`,
  changes: true,
  maxBytes: megabyte,
  answer: async (body, id) => {
    nothing(body);
    if (action === "resume") allowRun(host, runs.get(id).input);
    return jsonAnswer(runs.act(id, action));
  },
});

const runActions = (parts: ActionParts): readonly Action[] => [
  {
    path: "/api/runs",
    changes: true,
    maxBytes: megabyte,
    answer: async (body) => {
      const input = runInput(body);
      allowRun(parts.host, input);
      checkRun(parts.host, input);
      return jsonAnswer(parts.runs.start(input));
    },
  },
  runControl(parts, "pause"),
  runControl(parts, "resume"),
  runControl(parts, "cancel"),
];

const doctorAction = ({ host }: ActionParts): Action => ({
  path: "/api/doctor",
  changes: false,
  maxBytes: megabyte,
  answer: async (body, _, signal) => {
    nothing(body);
    allow(host.about().can.doctor, "ask the doctor");
    return jsonAnswer(await host.doctor(signal));
  },
});

/** The POST requests of a console. */
export const actionsOf = (parts: ActionParts): readonly Action[] => [
  ...itemActions(parts),
  ...deadLetterReads(parts),
  ...deadLetterChanges(parts),
  ...runActions(parts),
  doctorAction(parts),
];
