// The command `sluice`. Loads and runs a subcommand. If the subcommand fails, writes the error in one line.

import { CommandError, exitCodes } from "./command-line/command-error.ts";
import { plainLines } from "./terminal/plain-text.ts";
import type { Terminal } from "./terminal/terminal.ts";
import { version } from "./version.ts";

type Command = (args: readonly string[], terminal: Terminal) => Promise<number>;

const commands: Readonly<Record<string, { readonly about: string; readonly load: () => Promise<Command> }>> = {
  init: {
    about: "writes the files of a new project: pipeline, test and stack",
    load: async () => (await import("./init/init.ts")).initCommand,
  },
  dev: {
    about: "runs a pipeline on your machine, with engines and a console in the browser",
    load: async () => (await import("./dev/dev.ts")).devCommand,
  },
  backfill: {
    about: "copies the items that a table has to the targets of a pipeline",
    load: async () => (await import("./backfill/backfill.ts")).backfillCommand,
  },
  verify: {
    about: "compares the targets of a pipeline with the table, and repairs copies that differ",
    load: async () => (await import("./verify/verify.ts")).verifyCommand,
  },
  trace: {
    about: "tells of one item what its table, stream, targets, queues and logs know",
    load: async () => (await import("./trace/trace.ts")).traceCommand,
  },
  doctor: {
    about: "says what is wrong with a deployment, and which command mends it",
    load: async () => (await import("./doctor/doctor.ts")).doctorCommand,
  },
  console: {
    about: "shows a deployment in the browser",
    load: async () => (await import("./console/console.ts")).consoleCommand,
  },
  redrive: {
    about: "sends dead letters, or batches of an on-failure destination, again",
    load: async () => (await import("./redrive/redrive.ts")).redriveCommand,
  },
  "dead-letters": {
    about: "lists, shows, exports or deletes dead letters",
    load: async () => (await import("./dead-letters/dead-letters.ts")).deadLettersCommand,
  },
};

const names = Object.keys(commands);
const width = Math.max(...names.map((name) => name.length));

const help = `Usage: sluice <command> [options]

Runs Sluice's pipelines on your machine, copies tables to their targets, proves and repairs the copies, traces items,
examines deployments, and inspects and redrives dead letters.

Commands:
${Object.entries(commands)
  .map(([name, { about }]) => `  ${name.padEnd(width)}  ${about}`)
  .join("\n")}

Options:
  -h, --help  show this help; sluice <command> --help shows the help of a command
  --version   show the version`;

const writeLines = (text: string, write: (line: string) => void): void => {
  for (const line of plainLines(text)) write(line);
};

const dispatch = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const [name, ...rest] = args;
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (name === undefined) throw new CommandError(`no command is given; expected ${names.join(", ")}`);
  if (name === "--help" || name === "-h") writeLines(help, terminal.out);
  else if (name === "--version") terminal.out(await version());
  else if (command !== undefined) return (await command.load())(rest, terminal);
  else {
    const what = name.startsWith("-") ? "option" : "command";
    throw new CommandError(`unknown ${what} ${name}; expected ${names.join(", ")}, --help, --version`);
  }
  return exitCodes.done;
};

/** Formats an error with its stack and its causes. */
const stackOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return `${error.stack}${error.cause === undefined ? "" : `\ncaused by ${stackOf(error.cause)}`}`;
};

/** Runs the command. Returns its exit code. */
export const sluice = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  try {
    return await dispatch(args, terminal);
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split("\n");
    const hint = error instanceof CommandError ? "" : " (--verbose shows where)";
    terminal.err(`sluice: ${line}${hint}`);
    if (args.includes("--verbose") || process.env.DEBUG) writeLines(stackOf(error), terminal.err);
    return exitCodes.failed;
  } finally {
    terminal.progress.clear();
  }
};
