// Finds import cycles: the strongly connected components of the graph of files and imports.

/** Maps each file to the files that it imports. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

const reversed = (graph: ImportGraph): ImportGraph => {
  const importers = new Map<string, string[]>([...graph.keys()].map((file) => [file, []]));
  for (const [file, imported] of graph) for (const other of imported) importers.get(other)?.push(file);
  return importers;
};

/**
 * Adds `file` and all files that it imports, directly or indirectly, to `visited`. Returns the added files. A file
 * comes after the files that it imports.
 */
const visit = (graph: ImportGraph, file: string, visited: Set<string>): string[] => {
  if (visited.has(file)) return [];
  visited.add(file);
  return [...(graph.get(file) ?? []).flatMap((other) => visit(graph, other, visited)), file];
};

/** Returns the strongly connected components, by Kosaraju's algorithm. */
const componentsOf = (graph: ImportGraph): string[][] => {
  const visited = new Set<string>();
  const finished = [...graph.keys()].flatMap((file) => visit(graph, file, visited));
  const importers = reversed(graph);
  const assigned = new Set<string>();
  return finished.reverse().map((file) => visit(importers, file, assigned));
};

/** Returns a shortest path from a file back to the same file, or an empty list if there is no such path. */
const cycleThrough = (graph: ImportGraph, start: string): string[] => {
  const paths = [[start]];
  const seen = new Set<string>();
  for (const path of paths) {
    for (const next of graph.get(path.at(-1) ?? "") ?? []) {
      if (next === start) return [...path, start];
      if (!seen.has(next)) paths.push([...path, next]);
      seen.add(next);
    }
  }
  return [];
};

/** Returns one import cycle for each group of files that import each other, as `a -> b -> a`. */
export const importCyclesOf = (graph: ImportGraph): string[] =>
  componentsOf(graph)
    .map(([file]) => (file === undefined ? [] : cycleThrough(graph, file)))
    .filter((cycle) => cycle.length > 0)
    .map((cycle) => cycle.join(" -> "));
