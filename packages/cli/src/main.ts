// The program `sluice`.

import { sluice } from "./sluice.ts";
import { processTerminal } from "./terminal/terminal.ts";

// The SDK's warning about Node 20 would break the progress line.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
// A reader of the output, such as `head`, may close it before its end.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});
process.exitCode = await sluice(process.argv.slice(2), processTerminal());
