// Lists the names that every door (entry point) of every package exports, so that no name is exported by accident. If a
// change of the list is intended, run: npm test -- -u test/exports

import { describe, expect, test } from "@jest/globals";
import { doorsOf, foldersIn, read, reexportsOf, withoutComments } from "./workspace.ts";

const doors = foldersIn("packages").flatMap(doorsOf);

test("core has its doors", () => {
  const names = doors.map(({ name }) => name).filter((name) => name.split("/")[1] === "core");
  expect(names).toEqual([
    "@sluice/core",
    "@sluice/core/sink-kit",
    "@sluice/core/envelope",
    "@sluice/core/filters",
    "@sluice/core/metrics",
    "@sluice/core/opentelemetry",
  ]);
});

test("@sluice/core exports at most 25 names", () => {
  expect(reexportsOf(read("packages/core/src/index.ts")).length).toBeLessThanOrEqual(25);
});

describe.each(doors)("$name", ({ name, path }) => {
  const text = read(path);

  test("has named re-exports only", () => {
    const statements = withoutComments(text)
      .split(";")
      .map((statement) => statement.trim());
    const others = statements.filter(
      (statement) => !/^(export\s+(type\s+)?\{[^}]*\}\s+from\s+"[^"]+")?$/.test(statement),
    );
    expect(others).toEqual([]);
  });

  test("exports these names", async () => {
    const values = Object.keys((await import(name)) as object).sort();
    const types = reexportsOf(text)
      .filter(({ isType }) => isType)
      .map((reexport) => reexport.name)
      .sort();
    expect({ values, types }).toMatchSnapshot();
  });
});
