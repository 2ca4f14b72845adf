// Makes foreign text harmless. A text may come from a stranger's message. Control characters could control the terminal,
// line feeds could forge lines of the output, and bidirectional marks could show a text in another order.

/** Control, format and bidirectional characters, halves of surrogate pairs, and line and paragraph separators. */
export const unprintable: RegExp = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Returns the text as one line: replaces tabs by spaces, and other unprintable characters by `?`. */
export const plainLine = (text: string): string => text.replaceAll("\t", "  ").replace(unprintable, "?");

/** Splits text of this command, or of the user's own handler, into plain lines. */
export const plainLines = (text: string): string[] => text.split(/\r?\n/).map(plainLine);

/** Escapes unprintable characters in JSON. The result is JSON of the same value. */
export const plainJson = (json: string): string =>
  json.replace(unprintable, (character) =>
    character === "\n"
      ? character
      : [...Array(character.length).keys()]
          .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`)
          .join(""),
  );

/** Cuts a text to a number of characters. A cut text ends with `…`. */
export const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 1)}…`;
