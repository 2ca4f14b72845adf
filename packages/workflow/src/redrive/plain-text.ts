// Foreign text in mails. A message of the queue may come from a stranger, who decides the names of its sink and code.

/** Control, format and bidirectional characters, halves of surrogate pairs, and line and paragraph separators. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Returns the text as one line, in the order in which its characters are written. */
export const plainLine = (text: string): string => text.replace(unprintable, "?");

/**
 * Returns a foreign name in a form that no mail client turns into a link, an address or a number to call, and that contains
 * no sentence: only letters, digits, hyphens and underscores stay.
 */
export const plainName = (name: string): string => name.replace(/[^A-Za-z0-9_-]/g, "?");
