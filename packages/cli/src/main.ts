// The program `sluice`.

import { sluice } from "./sluice.ts";
import { processTerminal } from "./terminal/terminal.ts";

// Turns off the SDK's warning about old versions of Node, which would appear in the middle of the progress line.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
// EPIPE is no error: the program that reads the output, such as `head`, may stop before the end of the output.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});
process.exitCode = await sluice(process.argv.slice(2), processTerminal());
// The module of a pipeline may leave connections open, such as those of the user's own pool. They would keep the process.
process.stdout.write("", () => process.exit());
