// Imports the dist of every package and every example. Each import has its own Node process, without loader and without
// conditions. A program (main.js) is not imported, because an import would run it. Instead the files in its folder are
// imported. The process gets the environment variables in the folder's .env.example.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const timeoutMs = 30_000;

const workspaces = ["packages", "examples"]
  .flatMap((parent) => readdirSync(parent).map((name) => join(parent, name)))
  .filter((folder) => existsSync(join(folder, "package.json")));

const specifiersOf = (folder) => {
  const { name, exports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const entry = exports?.["."]?.default;
  const doors = Object.keys(exports ?? {}).filter((door) => !door.endsWith(".json"));
  if (entry !== undefined && basename(entry) !== "main.js") return doors.map((door) => join(name, door));
  const dist = join(folder, "dist");
  const modules = existsSync(dist)
    ? readdirSync(dist).filter((file) => file.endsWith(".js") && file !== "main.js")
    : [];
  return modules.map((file) => pathToFileURL(resolve(dist, file)).href);
};

const failureOf = (folder, specifier) => {
  const environment = join(folder, ".env.example");
  const options = existsSync(environment) ? [`--env-file=${environment}`] : [];
  const program = `await import(${JSON.stringify(specifier)});`;
  const result = spawnSync(process.execPath, [...options, "--input-type=module", "--eval", program], {
    encoding: "utf8",
    timeout: timeoutMs,
  });
  if (result.error) return `${result.error.message}: an import must not keep the process alive`;
  return result.status === 0 ? undefined : result.stderr;
};

for (const folder of workspaces) {
  const specifiers = specifiersOf(folder);
  const failures = specifiers
    .map((specifier) => failureOf(folder, specifier))
    .filter((failure) => failure !== undefined);
  if (specifiers.length === 0)
    failures.push("no module to import: expected exports, or modules beside main.js in dist");
  console.log(`${failures.length === 0 ? "ok  " : "FAIL"} ${folder}`);
  for (const failure of failures) console.log(failure.replace(/^/gm, "     "));
  if (failures.length > 0) process.exitCode = 1;
}
