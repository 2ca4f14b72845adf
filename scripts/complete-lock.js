// Adds to package-lock.json what npm left out: platform packages, and the addresses of tarballs.
//
// If the registry lacks an optional dependency, for example because it mirrors only Linux packages, npm drops the
// dependency from the lock file. `npm ci` then fails: "Missing: @biomejs/cli-darwin-arm64@ from lock file". The entries
// that this script adds get their version, system, processor and libc from the packages' manifests.
// If npm is configured with `omit-lockfile-registry-resolved`, the lock file has no addresses. `npm ci` then asks the
// registry for the manifest of each of the 800 packages, also when all tarballs are in its cache: that takes longer than
// the installation itself.
// Run this script after `npm install` with such a registry: node scripts/complete-lock.js

import { readFileSync, writeFileSync } from "node:fs";

const systems = ["android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const processors = ["arm64", "arm", "ia32", "loong64", "ppc64", "riscv64", "s390x", "x64"];

/** Finds the package that Node would load from the folder `from`. Returns its path in the lock file, or undefined. */
const resolveFrom = (packages, from, name) => {
  const path = `${from === "" ? "" : `${from}/`}node_modules/${name}`;
  if (packages[path] !== undefined || from === "") return packages[path] && path;
  return resolveFrom(packages, from.slice(0, Math.max(from.lastIndexOf("/node_modules/"), 0)), name);
};

/** Returns the platform in the name of a package, as values of `process.platform` and `process.arch`. */
const platformOf = (name) => {
  const words = name.split(/[/-]/);
  const os = systems.filter((system) => words.includes(system));
  const cpu = processors.filter((processor) => words.includes(processor));
  if (words.some((word) => word.startsWith("musl"))) return { os, cpu, libc: ["musl"] };
  if (words.some((word) => word.startsWith("gnu"))) return { os, cpu, libc: ["glibc"] };
  return { os, cpu };
};

const missingFrom = (packages) =>
  Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => resolveFrom(packages, path, name) === undefined)
      .map(([name, version]) => ({ name, version })),
  );

/** Returns the address of a tarball. npm replaces the host by that of the configured registry. */
const addressOf = (path, { name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length), version }) =>
  `https://registry.npmjs.org/${name}/-/${name.split("/").pop()}-${version}.tgz`;

/** Adds the address to the entry of a package of the registry, after `version`, where npm writes it. */
const withAddress = ([path, entry]) => {
  const isFromRegistry = path.includes("node_modules/") && !entry.link && !entry.inBundle;
  if (!isFromRegistry || entry.resolved !== undefined) return [path, entry];
  const { name, version, ...rest } = entry;
  return [path, { ...(name === undefined ? {} : { name }), version, resolved: addressOf(path, entry), ...rest }];
};

const entryOf = ({ name, version }) => {
  const { os, cpu, ...libc } = platformOf(name);
  if (!/^\d+\.\d+\.\d+/.test(version) || os.length !== 1 || cpu.length !== 1) {
    throw new Error(`${name}@${version}: expected an exact version and a name with one system and one processor`);
  }
  return { version, cpu, ...libc, optional: true, os };
};

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const missing = missingFrom(lock.packages);
const added = Object.fromEntries(missing.map((entry) => [`node_modules/${entry.name}`, entryOf(entry)]));
const byPath = ([left], [right]) => (left < right ? -1 : 1);
const packages = Object.entries({ ...lock.packages, ...added })
  .sort(byPath)
  .map(withAddress);
const addresses = packages.filter(([path, { resolved }]) => resolved !== lock.packages[path]?.resolved).length;
lock.packages = Object.fromEntries(packages);
if (missing.length + addresses > 0) writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${missing.length} platform packages and ${addresses} addresses added`);
