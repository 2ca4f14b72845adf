// Commands for the fix of a finding: one line, to be copied into a shell.

/** Texts that a shell takes as they are. */
const plain = /^[\w./:=,@%+-]+$/;

/** Quotes a word for a POSIX shell. */
export const quoted = (word: string): string => (plain.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** A command line of words, each quoted if a shell would change it. */
export const command = (...words: readonly string[]): string => words.map(quoted).join(" ");

/** Changes a mapping. */
export const updateMapping = (uuid: string, ...options: readonly string[]): string =>
  command("aws", "lambda", "update-event-source-mapping", "--uuid", uuid, ...options);

/** Changes attributes of a queue. */
export const setQueueAttributes = (url: string, attributes: Readonly<Record<string, string>>): string =>
  command("aws", "sqs", "set-queue-attributes", "--queue-url", url, "--attributes", JSON.stringify(attributes));

/** Changes a function. */
export const updateFunction = (name: string, ...options: readonly string[]): string =>
  command("aws", "lambda", "update-function-configuration", "--function-name", name, ...options);

const good = {
  VisibilityTimeout: "360",
  MessageRetentionPeriod: "1209600",
  SqsManagedSseEnabled: "true",
} as const;

/** Creates a queue with the attributes of docs/deploying.md. */
export const createQueue = (name: string): string =>
  command(
    "aws",
    "sqs",
    "create-queue",
    "--queue-name",
    name,
    "--attributes",
    JSON.stringify({ ...good, ...(name.endsWith(".fifo") && { FifoQueue: "true" }) }),
  );

/** Settings of a mapping that is created. */
interface MappingSettings {
  readonly batchSize?: number;
  readonly windowSeconds?: number;
  readonly factor?: number;
}

/** Creates a mapping from a stream. `stream` is an ARN, or a shell's substitution that prints one. */
export const createMapping = (
  functionName: string,
  stream: string,
  { batchSize = 1_000, windowSeconds = 1, factor = 1 }: MappingSettings = {},
): string =>
  [
    command("aws", "lambda", "create-event-source-mapping", "--function-name", functionName, "--event-source-arn"),
    stream.startsWith("arn:") ? quoted(stream) : stream,
    command("--starting-position", "TRIM_HORIZON", "--batch-size", String(batchSize)),
    command("--maximum-batching-window-in-seconds", String(windowSeconds), "--parallelization-factor", String(factor)),
    command("--function-response-types", "ReportBatchItemFailures", "--bisect-batch-on-function-error"),
    command("--metrics-config", "Metrics=EventCount"),
  ].join(" ");
