// The public names of every package, so that each is there by choice. After a choice: npm test -- -u test/exports

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { root } from "./markdown.ts";

const read = (...path: string[]): string => readFileSync(join(root, ...path), "utf8");

const packages = readdirSync(join(root, "packages")).filter((name) =>
  existsSync(join(root, "packages", name, "src/index.ts")),
);

/** The names of the types that an index exports, sorted. */
const typesOf = (index: string): string[] => {
  const lists = index.replaceAll(/\/\/.*$|\/\*[\s\S]*?\*\//gm, "").matchAll(/export\s+(type\s+)?\{([^}]*)\}/g);
  return [...lists]
    .flatMap(([, allTypes, names = ""]) =>
      names
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== "" && (allTypes !== undefined || name.startsWith("type ")))
        .map((name) => name.replace(/^type\s+/, "").replace(/^.*\sas\s+/, "")),
    )
    .sort();
};

describe.each(packages)("@sluice/%s", (name) => {
  const index = read("packages", name, "src/index.ts");

  test("has an index of named re-exports only", () => {
    const statements = index
      .replaceAll(/\/\/.*$|\/\*[\s\S]*?\*\//gm, "")
      .split(";")
      .map((statement) => statement.trim());
    const others = statements.filter(
      (statement) => !/^(export\s+(type\s+)?\{[^}]*\}\s+from\s+"[^"]+")?$/.test(statement),
    );
    expect(others).toEqual([]);
  });

  test("exports these names", async () => {
    const values = Object.keys((await import(`@sluice/${name}`)) as object).sort();
    expect({ values, types: typesOf(index) }).toMatchSnapshot();
  });
});
