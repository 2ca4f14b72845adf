// Prepares the documentation of a package for its tarball: `npm pack` and `npm publish` run this script in the folder of
// the package, by the scripts prepack, postpack and postpublish (decision 0055).
//
//   node ../../scripts/pack-documentation.js prepare    makes every link of the README work outside this repository
//   node ../../scripts/pack-documentation.js restore    brings the README of the repository back
//
// The tarball of @sluice/core also contains the folder docs.

import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const documented = "packages/core";

const manifestOf = (folder) => JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));

/** Code is not changed: neither fenced blocks nor spans. */
const codeOrLink = /^( *)(```+|~~~+)[^\n]*\n[\s\S]*?^ *\2[`~]* *$|`[^`\n]*`|(?<!!)\[([^\]]*)\]\(([^)\s]+)\)/gm;

/** The address of a file of the repository on npm, or undefined if no package contains the file. */
const addressOf = (path) => {
  const [, folder] = /^(packages\/[^/]+)\/README\.md$/.exec(path) ?? [];
  const manifest = folder === undefined ? undefined : manifestOf(folder);
  if (manifest !== undefined && manifest.private !== true) return `https://www.npmjs.com/package/${manifest.name}`;
  if (!path.startsWith("docs/")) return undefined;
  const { name, version } = manifestOf(documented);
  return `https://unpkg.com/${name}@${version}/${path}`;
};

/** Where a link leads from the tarball. Undefined: no package contains the file. */
const targetOf = (from, packed, link) => {
  if (/^[a-z]+:|^#/.test(link)) return link;
  const [target = "", anchor] = link.split("#");
  const path = normalize(join(dirname(from), decodeURI(target)));
  const hash = anchor === undefined ? "" : `#${anchor}`;
  if (packed.has(path)) return `${relative(dirname(from), path)}${hash}`;
  const address = addressOf(path);
  return address && `${address}${hash}`;
};

/**
 * Rewrites the links of a Markdown file for its place in a tarball. A link to a file that no package contains becomes
 * its text, followed by the path of the file in the repository.
 * @param packed the files of the repository that the tarball contains
 */
const rewriteLinks = ({ path, text }, packed) =>
  text.replaceAll(codeOrLink, (whole, _indent, _fence, label, link) => {
    if (link === undefined) return whole;
    const target = targetOf(path, packed, link);
    if (target !== undefined) return `[${label}](${target})`;
    const file = normalize(join(dirname(path), link.split("#")[0]));
    return file.endsWith(label.replaceAll("`", "")) ? `\`${file}\`` : `${label} (\`${file}\` in the repository)`;
  });

const filesIn = (folder) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));

const backupOf = (folder) => join(root, ".cache", "packed-readmes", `${basename(folder)}.md`);

/** The README of a package as its tarball contains it. */
const packedReadme = (folder, text) => rewriteLinks({ path: join(folder, "README.md"), text }, new Set());

/** Brings the README back. Does nothing if the README was not changed. */
const restore = (folder) => {
  const [backup, readme] = [backupOf(folder), join(root, folder, "README.md")];
  if (folder === documented) rmSync(join(root, folder, "docs"), { recursive: true, force: true });
  if (!existsSync(backup)) return;
  const original = readFileSync(backup, "utf8");
  const current = readFileSync(readme, "utf8");
  if (current !== original && current !== packedReadme(folder, original)) {
    throw new Error(
      `${folder}/README.md was edited while it was packed: move the edits to ${backup}, and copy it back`,
    );
  }
  writeFileSync(readme, original);
  rmSync(backup);
};

/** Writes the folder docs into the package. Returns the files of the repository that the tarball then contains. */
const addDocumentation = (folder) => {
  const files = filesIn("docs");
  const packed = new Set(files);
  for (const path of files) {
    const to = join(root, folder, path);
    mkdirSync(dirname(to), { recursive: true });
    if (path.endsWith(".md")) {
      writeFileSync(to, rewriteLinks({ path, text: readFileSync(join(root, path), "utf8") }, packed));
    } else copyFileSync(join(root, path), to);
  }
  return packed;
};

const prepare = (folder) => {
  restore(folder);
  if (folder === documented) addDocumentation(folder);
  const readme = join(root, folder, "README.md");
  const backup = backupOf(folder);
  mkdirSync(dirname(backup), { recursive: true });
  copyFileSync(readme, backup);
  writeFileSync(readme, packedReadme(folder, readFileSync(readme, "utf8")));
};

const folder = relative(root, process.cwd());
const [step] = process.argv.slice(2);
// `npm publish` reads the README of the folder after the step postpack, and the step postpublish comes last.
const isTooEarly = process.env.npm_lifecycle_event === "postpack" && process.env.npm_command === "publish";
if (step === "prepare") prepare(folder);
else if (!isTooEarly) restore(folder);
