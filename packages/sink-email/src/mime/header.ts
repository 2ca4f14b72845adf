// Header lines. Values that are not ASCII are encoded by RFC 2047. Lines are folded, and never exceed the limit.

import type { Mailbox } from "./mailbox.ts";

const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

/** Whether the text cannot be folded into lines of at most 998 characters without a change to its spaces. */
const isUnfoldable = (text: string): boolean => /\S{900}|^ | {2}| $/.test(text);

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

/**
 * Headers with a syntax of their own, in which RFC 2047 forbids encoded words.
 * @see https://www.rfc-editor.org/rfc/rfc2047#section-5 (read 2026-11-28)
 */
const structured =
  /^(archived-at|auto-submitted|autocrypt|disposition-notification-to|errors-to|feedback-id|importance|in-reply-to|list-.*|message-context|original-message-id|precedence|priority|references|return-receipt-to|sensitivity|supersedes|x-auto-response-suppress|x-priority)$/i;

/** Whether a header has a syntax of its own, so that its value must not become encoded words. */
export const isStructured = (name: string): boolean => structured.test(name);

/** Whether the text can be the value of a header without encoded words. */
export const canBeAsIs = (text: string): boolean => isAscii(text) && !isUnfoldable(text);

/** Returns the text as the value of a header: unchanged, or as encoded words. */
export const headerText = (text: string): string =>
  canBeAsIs(text) && !text.includes("=?") ? text : encodedWords(text);

/** Returns the mailbox as the value of a header: `"Ada" <ada@example.com>`. */
export const headerMailbox = ({ address, name }: Mailbox): string => {
  if (name === undefined) return address;
  const isPlain = canBeAsIs(name) && canBeAsIs(quoted(name)) && !name.includes("=?");
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

/** Returns the text in percent encoding, split between characters. */
const encodedParts = (text: string): string[] => {
  const parts = [""];
  for (const character of text) {
    const code = encodeURIComponent(character).replace(/['()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`);
    if ((parts.at(-1) ?? "").length + code.length > maxPartCharacters) parts.push("");
    parts[parts.length - 1] += code;
  }
  return parts;
};

/**
 * Returns a parameter such as a file name. Non-ASCII values are encoded by RFC 2231, and long values are split. A value
 * with `=?` is encoded too: many receivers decode encoded words in parameters, although RFC 2047 forbids them there.
 */
export const headerParameter = (name: string, value: string): string => {
  if (canBeAsIs(value) && canBeAsIs(quoted(value)) && !value.includes("=?")) return `${name}=${quoted(value)}`;
  const [first = "", ...others] = encodedParts(value);
  if (others.length === 0) return `${name}*=UTF-8''${first}`;
  return [`${name}*0*=UTF-8''${first}`, ...others.map((part, index) => `${name}*${index + 1}*=${part}`)].join("; ");
};
