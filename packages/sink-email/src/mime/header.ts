// Header lines. Values that are not ASCII are encoded by RFC 2047. Lines are folded, and never exceed the limit.

import type { Mailbox } from "./mailbox.ts";

const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

/** Whether the text has too few spaces to fold it into lines of at most 998 characters. */
const isUnfoldable = (text: string): boolean => /\S{900}/.test(text);

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, "\\$&")}"`;

/** Maximum bytes of text in an encoded word, which may have 75 characters: base64 plus `=?UTF-8?B?` and `?=`. */
const maxWordBytes = 45;

const encodedWords = (text: string): string => {
  const words: string[] = [];
  let word = "";
  for (const character of text) {
    if (Buffer.byteLength(word + character) > maxWordBytes) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  words.push(word);
  return words.map((one) => `=?UTF-8?B?${Buffer.from(one).toString("base64")}?=`).join(" ");
};

/** Returns the text as the value of a header: unchanged, or as encoded words. */
export const headerText = (text: string): string =>
  isAscii(text) && !text.includes("=?") && !isUnfoldable(text) ? text : encodedWords(text);

/** Returns the mailbox as the value of a header: `"Ada" <ada@example.com>`. */
export const headerMailbox = ({ address, name }: Mailbox): string => {
  if (name === undefined) return address;
  const isPlain = isAscii(name) && !name.includes("=?") && !isUnfoldable(quoted(name));
  return `${isPlain ? quoted(name) : encodedWords(name)} <${address}>`;
};

/** Returns a header line, folded at spaces after about 76 characters. */
export const headerLine = (name: string, value: string): string => {
  const lines: string[] = [];
  let line = `${name}:`;
  for (const word of value.split(" ")) {
    if (line.length + word.length + 1 > 76 && line.length > name.length + 1 && word !== "") {
      lines.push(line);
      line = "";
    }
    line += ` ${word}`;
  }
  lines.push(line);
  return lines.join("\r\n");
};

const maxPartCharacters = 60;

/** Returns the text in percent encoding, split between characters. Half of a surrogate pair becomes U+FFFD. */
const encodedParts = (text: string): string[] => {
  const parts = [""];
  for (const character of Buffer.from(text).toString()) {
    const code = encodeURIComponent(character).replace(/['()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`);
    if ((parts.at(-1) ?? "").length + code.length > maxPartCharacters) parts.push("");
    parts[parts.length - 1] += code;
  }
  return parts;
};

/** Returns a parameter such as a file name. Non-ASCII values are encoded by RFC 2231, and long values are split. */
export const headerParameter = (name: string, value: string): string => {
  if (isAscii(value) && !isUnfoldable(quoted(value))) return `${name}=${quoted(value)}`;
  const [first = "", ...others] = encodedParts(value);
  if (others.length === 0) return `${name}*=UTF-8''${first}`;
  return [`${name}*0*=UTF-8''${first}`, ...others.map((part, index) => `${name}*${index + 1}*=${part}`)].join("; ");
};
