// The program `sluice`.

import { sluice } from "./sluice.ts";
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
process.exitCode = await sluice(process.argv.slice(2), processTerminal());
// The module of a pipeline may leave connections open, such as those of the user's own pool. They would keep the process.
process.stdout.write("", () => process.exit());
