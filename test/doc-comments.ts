// Finds exported declarations without a doc comment.

import { read } from "./workspace.ts";

/** Returns true if the text ends with a doc comment. Directives of Biome after the doc comment are allowed. */
const endsWithDocComment = (text: string): boolean =>
  /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n$/.test(text.replace(/(?:\/\/ biome-ignore .*\n)+$/, ""));

/** Returns exported declarations without a doc comment, as `file:line name`. Implementations of overloads need none. */
export const undocumentedIn = (path: string): string[] => {
  const declaration = /^export (?:declare |abstract |async )*(?:const|let|function\*?|class|interface|type) (\w+)/gm;
  const text = read(path);
  const declarations = [...text.matchAll(declaration)].map(({ 1: name = "", index }) => ({ name, index }));
  return declarations
    .filter(({ name, index }, position) => {
      const isImplementation =
        text.startsWith("export function", index) &&
        declarations[position - 1]?.name === name &&
        declarations[position + 1]?.name !== name;
      return !isImplementation && !endsWithDocComment(text.slice(0, index));
    })
    .map(({ name, index }) => `${path}:${text.slice(0, index).split("\n").length} ${name}`);
};
