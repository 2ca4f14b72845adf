// The resources of a deployment, with lines for the user's own shell.

import type { EngineAbout, PasteLine, QueueAbout } from "@sluice/console";
import { knownValue } from "@sluice/inspect";
import type { AwsOptions } from "../aws/clients.ts";
import { awsWords } from "../command-line/pasted-command.ts";
import { shellWord, withoutUserInfo } from "../command-line/shell-word.ts";
import type { Deployment } from "./discovery.ts";

/** What the lines of a deployment need. */
export interface EngineParts {
  readonly functionName: string;
  readonly deployment: Deployment;
  readonly queues: readonly QueueAbout[];
  readonly aws: AwsOptions;
  readonly module: string | undefined;
}

const line = (label: string, ...words: readonly string[]): PasteLine => ({
  label,
  command: words.map(shellWord).join(" "),
});

const functionEngine = ({ functionName, deployment, module }: EngineParts): EngineAbout => {
  const { facts } = deployment;
  return {
    name: "Lambda",
    address: knownValue(facts.function.configuration)?.FunctionArn ?? facts.function.name,
    lines: [
      line("log", "aws", "logs", "tail", facts.logGroup, "--since", "1h", "--follow"),
      line("mappings", "aws", "lambda", "list-event-source-mappings", "--function-name", functionName),
      line("doctor", "sluice", "doctor", ...(module === undefined ? [] : [module]), "--function", functionName),
    ],
  };
};

const tableEngines = ({ table }: Deployment): readonly EngineAbout[] =>
  table === undefined
    ? []
    : [
        {
          name: "DynamoDB table",
          address: table.address,
          lines: [line("table", "aws", "dynamodb", "describe-table", "--table-name", table.address)],
        },
      ];

const queueLines = ({ kind, url }: QueueAbout): readonly PasteLine[] => [
  line("numbers", "aws", "sqs", "get-queue-attributes", "--queue-url", url, "--attribute-names", "All"),
  ...(kind === "on-failure destination" ? [] : [line("messages", "sluice", "dead-letters", "list", url)]),
];

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const bucketPattern = /^arn:[\w-]+:s3:::(.+)$/;

/** The buckets to which Lambda writes what it gives up on. */
const bucketEngines = ({ facts }: Deployment): readonly EngineAbout[] => {
  const arns = (knownValue(facts.function.mappings) ?? []).map((one) => one.DestinationConfig?.OnFailure?.Destination);
  const buckets = new Set(arns.flatMap((arn) => bucketPattern.exec(arn ?? "")?.[1] ?? []));
  return [...buckets].map((bucket) => ({
    name: "On-failure destination",
    address: `s3://${bucket}`,
    lines: [line("objects", "aws", "s3", "ls", "--recursive", `s3://${bucket}`)],
  }));
};

const dedupeEngines = ({ facts }: Deployment): readonly EngineAbout[] => {
  const name = knownValue(facts.function.variables)?.dedupeTable;
  if (name === undefined) return [];
  const lines = [line("table", "aws", "dynamodb", "describe-table", "--table-name", name)];
  return [{ name: "Dedupe table", address: name, lines }];
};

/** The resources of a deployment. The lines have the user's options, so that they reach the same account and region. */
export const enginesOf = (parts: EngineParts): readonly EngineAbout[] => {
  const engines = [
    functionEngine(parts),
    ...tableEngines(parts.deployment),
    ...parts.queues.map((queue) => ({ name: capitalized(queue.kind), address: queue.url, lines: queueLines(queue) })),
    ...bucketEngines(parts.deployment),
    ...dedupeEngines(parts.deployment),
  ];
  // At the end, so that a narrow page shows what the line does.
  const given = awsWords(parts.aws).map(shellWord);
  return engines.map((engine) => ({
    ...engine,
    lines: engine.lines.map(({ label, command }) => ({
      label,
      command: withoutUserInfo([command, ...given].join(" ")),
    })),
  }));
};
