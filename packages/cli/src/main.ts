// The program: see sluice.ts.

import { sluice } from "./sluice.ts";
import { processTerminal } from "./terminal/terminal.ts";

// The SDK's reminder of Node 20's end of life would tear the progress line.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
// A reader of our output may leave before its end, as head does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});
process.exitCode = await sluice(process.argv.slice(2), processTerminal());
