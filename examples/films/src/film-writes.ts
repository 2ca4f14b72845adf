// Which film a writer changes, and how. Most changes are good; a few become dead letters.

/** A write: `votes` and `spoil` update a film, `remove` deletes it, and `insert` puts it back. */
export interface FilmWrite {
  readonly kind: "votes" | "spoil" | "remove" | "insert";
  readonly filmId: number;
}

const removeEvery = 25;
const firstSpoilAt = 15;
const spoilEvery = 300;
const spoilAtMost = 10;
/**
 * Each 40th film is for bad records only. A later change of a film would outrank its dead letter, whose redrive would then be
 * superseded.
 */
const spoiledEvery = 40;
/** A prime that spreads consecutive writes over the films. */
const stride = 7919;

const filmAt = (position: number, films: number): number => {
  const filmId = ((position * stride) % films) + 1;
  return filmId % spoiledEvery === 0 ? filmId - 1 : filmId;
};

/** Returns the write with this position, from 0. The same position gives the same write. */
export const filmWrite = (position: number, films: number): FilmWrite => {
  const spoiled = (position - firstSpoilAt) / spoilEvery;
  if (Number.isInteger(spoiled) && spoiled >= 0 && spoiled < spoilAtMost) {
    return { kind: "spoil", filmId: (spoiled + 1) * spoiledEvery };
  }
  const step = position % removeEvery;
  if (step === 1) return { kind: "remove", filmId: filmAt(position, films) };
  if (step === 2) return { kind: "insert", filmId: filmAt(position - 1, films) };
  return { kind: "votes", filmId: filmAt(position, films) };
};
