// Opens an address in the user's browser.

import { spawn } from "node:child_process";

const programs: { readonly [platform: string]: readonly [string, ...string[]] } = {
  darwin: ["open"],
  win32: ["cmd", "/c", "start", ""],
};

/** Opens the address. Calls `onFailure` if there is no program that does. */
export const openBrowser = (url: string, onFailure: () => void): void => {
  const [command, ...args] = programs[process.platform] ?? ["xdg-open"];
  const child = spawn(command, [...args, url], { stdio: "ignore", detached: true });
  child.on("error", onFailure);
  child.unref();
};
