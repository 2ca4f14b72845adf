// The program `sluice`.

import { exitCodes } from "./command-line/command-error.ts";
import { sluice } from "./sluice.ts";
import { divertOutput } from "./terminal/divert-output.ts";
import { messageOf } from "./terminal/format.ts";
import { plainLines } from "./terminal/plain-text.ts";
import { processTerminal } from "./terminal/terminal.ts";

const endedByPipe = 141;

// Turns off the SDK's warning about old versions of Node, which would appear in the middle of the progress line.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
// EPIPE is no error: the program that reads the output, such as `head`, may stop before the end of the output. But the
// command did not end, so its exit code is that of a program which SIGPIPE ends: 0 would say that every copy agrees.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(process.exitCode ?? endedByPipe);
});
const terminal = processTerminal();
const write = process.stdout.write.bind(process.stdout);
let hasEnded = false;
/** The codes with which the command itself ends the process early. */
const early: readonly number[] = [exitCodes.interrupted, endedByPipe];
// 0 would say that every copy agrees, or that nothing is wrong.
process.on("exit", (code) => {
  terminal.progress.clear();
  if (hasEnded || early.includes(code)) return;
  terminal.err("sluice: the process was ended before the command was done, as by process.exit() in the module");
  if (code === 0) process.exitCode = exitCodes.failed;
});
// An error that no caller waits for, as of a timer of the module, or of a pool without a listener. The work is left.
process.on("uncaughtException", (error: unknown) => {
  hasEnded = true;
  terminal.err(
    `sluice: the command ends, because code outside of it failed: ${messageOf(error)} (--verbose shows where)`,
  );
  if (process.argv.includes("--verbose") && error instanceof Error)
    for (const line of plainLines(`${error.stack}`)) terminal.err(line);
  process.exit(exitCodes.left);
});
process.exitCode = await sluice(process.argv.slice(2), terminal);
hasEnded = true;
// The timers and exit handlers of a pipeline's module may still write: not behind the JSON document of the command.
divertOutput(terminal);
// The module of a pipeline may leave connections open, such as those of the user's own pool. They would keep the process.
write("", () => process.exit());
