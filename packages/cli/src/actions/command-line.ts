// The command lines that do what runs of the console do. A run reads its options from these words, too, so that the two
// cannot differ.

import type { BackfillInput, QueueAbout, RedriveInput, RunInput, VerifyInput } from "@sluice/console";
import { awsWords, sluiceCommand } from "../command-line/pasted-command.ts";
import { shellWord, withoutUserInfo } from "../command-line/shell-word.ts";
import { ActionError } from "./action-error.ts";
import { type ActionPlace, queueAt, queuesOf } from "./place.ts";

/** An option and its value. A value that begins with a dash would count as an option of its own. */
const option = (name: string, value: string | number | undefined): readonly string[] => {
  if (value === undefined) return [];
  const text = String(value);
  return text.startsWith("-") ? [`--${name}=${text}`] : [`--${name}`, text];
};

const flag = (name: string, isSet: boolean | undefined): readonly string[] => (isSet ? [`--${name}`] : []);

/** A number as options write it. @throws {ActionError} for one that options do not take: a page may send any value */
const plainNumber = (name: string, value: unknown): string | undefined => {
  if (value === undefined) return undefined;
  if (typeof value === "number" && value > 0 && Number.isFinite(value)) return value.toFixed(6).replace(/\.?0+$/, "");
  throw new ActionError("RUN_REFUSED", `${name} must be a number above 0`);
};

const payloadWords = ({ payloadStore }: ActionPlace): readonly string[] =>
  option("payload-store", payloadStore && `s3://${payloadStore.bucket}/${payloadStore.prefix}`);

const moduleIn = ({ modulePath }: ActionPlace): string => {
  if (modulePath !== undefined) return modulePath;
  throw new ActionError(
    "MODULE_MISSING",
    "the pipeline's module is not known; expected the console to be started with it",
  );
};

/** The words of a command that reads the table. */
const tableWords = (place: ActionPlace, { routes }: BackfillInput | VerifyInput): readonly string[] => [
  moduleIn(place),
  ...option("table", place.table),
  ...(routes === undefined ? [] : option("routes", routes.join(","))),
];

const backfillWords = (place: ActionPlace, input: BackfillInput): readonly string[] => [
  "backfill",
  ...tableWords(place, input),
  ...(place.functionName === undefined ? [] : ["--to", "lambda", ...option("function", place.functionName)]),
  ...option("items-per-second", plainNumber("itemsPerSecond", input.itemsPerSecond)),
  ...flag("dry-run", input.isDryRun),
];

const verifyWords = (place: ActionPlace, input: VerifyInput): readonly string[] => {
  const { sample = 1, graceSeconds } = input;
  const { pipeline } = input;
  const queues = [...queuesOf(place, pipeline, "retry queue"), ...queuesOf(place, pipeline, "dead letters")];
  const part = plainNumber("sample", sample);
  const grace = graceSeconds && plainNumber("graceSeconds", Math.ceil(graceSeconds));
  return [
    "verify",
    ...tableWords(place, input),
    ...(part === "1" ? [] : option("sample", part)),
    ...option("grace", grace && `${grace}s`),
    ...queues.flatMap((url) => option("dead-letters", url)),
    ...(queues.length === 0 ? [] : payloadWords(place)),
    ...option("function", place.functionName),
    ...flag("repair", input.repairs),
    ...(input.repairs && place.functionName !== undefined ? ["--to", "lambda"] : []),
  ];
};

/** The function, or the export of the module. */
const handlerWords = (place: ActionPlace): readonly string[] => {
  if (place.functionName !== undefined) return option("function", place.functionName);
  const [file = ""] = moduleIn(place).split("#");
  return option("handler", place.module === undefined ? moduleIn(place) : `${file}#${place.module.exportName}`);
};

const fromWords = ({ kind }: QueueAbout): readonly string[] =>
  kind === "on-failure destination" ? ["--from", "on-failure-destination"] : [];

const redriveWords = (place: ActionPlace, { queueUrl, ids = [], isDryRun }: RedriveInput): readonly string[] => [
  "redrive",
  queueUrl,
  ...handlerWords(place),
  ...fromWords(queueAt(place, queueUrl)),
  ...ids.flatMap((id) => option("id", id)),
  ...payloadWords(place),
  ...flag("dry-run", isDryRun),
];

const wordsOfKind = (place: ActionPlace, input: RunInput): readonly string[] => {
  if (input.kind === "backfill") return backfillWords(place, input);
  return input.kind === "verify" ? verifyWords(place, input) : redriveWords(place, input);
};

/** The words of the command, without `npx sluice`. @throws {ActionError} if the place has no such command */
export const wordsOf = (place: ActionPlace, input: RunInput): readonly string[] => [
  ...wordsOfKind(place, input),
  ...awsWords(place.aws),
];

/** The command line, for a shell, without credentials. */
export const commandLineOf = (place: ActionPlace, input: RunInput): string => {
  const { environment = {}, aws } = place;
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${shellWord(withoutUserInfo(value))}`);
  const endpointUrl = aws.endpointUrl && withoutUserInfo(aws.endpointUrl);
  const command = sluiceCommand(...wordsOf({ ...place, aws: { ...aws, endpointUrl } }, input));
  return [...variables, command].join(" ");
};
