// Finds out what a terminal can show.

/** What a terminal can show. */
export interface Terminal {
  /** Width of the chart in characters. */
  readonly width: number;
  readonly hasColours: boolean;
  /** Whether the terminal shows Braille characters and lines. Otherwise the chart consists of ASCII characters. */
  readonly hasBraille: boolean;
}

/** What this module reads of a stream, such as `process.stdout`. */
interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly hasColors?: (env: Readonly<Record<string, string | undefined>>) => boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

const [narrowest, widest] = [40, 80];

/** The first variable that is set decides, as in POSIX. On Windows only Windows Terminal has the characters. */
const isUtf8 = (env: Environment): boolean =>
  /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || "") || env.WT_SESSION !== undefined;

/** The fonts of these terminals have no Braille characters: Linux's console, and terminals without any abilities. */
const poorTerminals: readonly (string | undefined)[] = ["linux", "dumb"];

/** Returns what the terminal of a stream can show. A stream that is not a terminal has no colours. */
export const terminalOf = (stream: Stream, env: Environment): Terminal => ({
  width: Math.max(narrowest, Math.min(widest, (stream.isTTY && stream.columns) || widest)),
  hasColours: stream.isTTY === true && !env.NO_COLOR && stream.hasColors?.(env) === true,
  hasBraille: isUtf8(env) && !(stream.isTTY === true && poorTerminals.includes(env.TERM)),
});
