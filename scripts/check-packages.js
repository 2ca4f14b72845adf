// Packs every public package. Checks each tarball with publint, with attw, and for required files. Also checks the
// version of `tsc`, because another package could replace the `tsc` command. Exits with 1 if a check finds a problem.

import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Returns the files that the tarball of a package must contain. */
const requiredOf = ({ bin }) => [
  "package.json",
  "README.md",
  "LICENSE",
  ...(bin === undefined ? ["dist/index.js", "dist/index.d.ts"] : [...Object.values(bin), "dist/main.js"]),
];

/** Runs a command. Returns its output and whether the command succeeded. */
const attempt = (file, args, options) =>
  run(file, args, options).then(
    ({ stdout }) => ({ ok: true, output: stdout }),
    ({ stdout = "", stderr = "", message }) => ({ ok: false, output: `${stdout}${stderr}` || message }),
  );

const withNode = (...args) => attempt(process.execPath, args, { env: { ...process.env, NO_COLOR: "1" } });

const publicPackages = async () => {
  const names = await readdir("packages");
  const manifests = names.map(async (name) => {
    const folder = join("packages", name);
    return { folder, manifest: JSON.parse(await readFile(join(folder, "package.json"), "utf8")) };
  });
  return (await Promise.all(manifests)).filter(({ manifest }) => manifest.private !== true);
};

const pack = async (folder, into) => {
  const { stdout } = await run("npm", ["pack", "--json", "--silent", "--pack-destination", into], { cwd: folder });
  const [tarball] = JSON.parse(stdout);
  return { path: join(into, tarball.filename), files: tarball.files.map(({ path }) => path) };
};

/**
 * Peers that one door needs: whoever imports the door has the peer, and test/architecture.test.ts keeps other doors from it. The
 * command has no door, so that nothing imports its declarations.
 */
const peersOfOneDoor = ["@opentelemetry/api", "@sluice/dev"];

/** Finds types of optional peers in the declarations. Without the peer, users would get a tsc error or `any`. */
const optionalTypes = async (folder, { peerDependenciesMeta = {} }, files) => {
  const optional = Object.keys(peerDependenciesMeta).filter((peer) => !peersOfOneDoor.includes(peer));
  const declarations = files.filter((path) => path.endsWith(".d.ts"));
  const texts = await Promise.all(declarations.map((path) => readFile(join(folder, path), "utf8")));
  return declarations.flatMap((path, index) =>
    optional
      .filter((peer) => new RegExp(`^(?! \\*).*(from |import\\()"${peer}["/]`, "m").test(texts[index]))
      .map((peer) => `${path} has types of the optional peer ${peer}`),
  );
};

const findingsIn = async ({ folder, manifest }, into) => {
  const tarball = await pack(folder, into);
  const publint = await withNode("node_modules/publint/src/cli.js", "run", tarball.path, "--strict");
  const attw = await withNode(
    "node_modules/@arethetypeswrong/cli/dist/index.js",
    tarball.path,
    "--profile",
    "esm-only",
    "--format",
    "ascii",
    "--no-emoji",
  );
  const missing = requiredOf(manifest).filter((path) => !tarball.files.includes(path));
  return [
    ...(await optionalTypes(folder, manifest, tarball.files)),
    ...missing.map((path) => `${path} is not in the tarball`),
    ...[publint, attw].filter(({ ok }) => !ok).map(({ output }) => output.trim()),
  ];
};

const compilerFindings = async () => {
  const { output } = await attempt("npx", ["--no-install", "tsc", "--version"]);
  return /^Version 7\./m.test(output) ? [] : [`tsc --version prints ${output.trim()}; expected 7.x`];
};

const report = (subject, findings) => {
  console.log(`${findings.length === 0 ? "ok  " : "FAIL"} ${subject}`);
  for (const finding of findings) console.log(finding.replace(/^/gm, "     "));
  return findings.length;
};

const into = await mkdtemp(join(tmpdir(), "sluice-pack-"));
try {
  let count = report("tsc is TypeScript 7", await compilerFindings());
  for (const entry of await publicPackages()) count += report(entry.manifest.name, await findingsIn(entry, into));
  process.exitCode = count === 0 ? 0 : 1;
} finally {
  await rm(into, { recursive: true, force: true });
}
