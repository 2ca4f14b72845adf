// Functions that may die at any request: what was asked of the outside before is done or not, and nobody hears of it.

/** One environment of a function. Requests that it makes after its death are never answered. */
export interface Mortal {
  /** A request: `effect` is what it does outside. */
  readonly ask: <Value>(effect: () => Promise<Value> | Value) => Promise<Value>;
  /** Rejects when the environment dies before the work is done. */
  readonly live: <Value>(work: () => Promise<Value>) => Promise<Value>;
  readonly isDead: () => boolean;
}

export type Death = "before" | "after" | undefined;

const never = new Promise<never>(() => {});

/** Lets others run for that many turns. */
const pause = async (turns: number): Promise<void> => {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

export const mortal = (dies: () => Death, turns: () => number): Mortal => {
  let dead = false;
  let die: () => void = () => {};
  const death = new Promise<never>((_, reject) => {
    die = () => {
      dead = true;
      reject(new Error("the environment died"));
    };
  });
  death.catch(() => {});
  const perish = (): Promise<never> => {
    die();
    return never;
  };
  return {
    isDead: () => dead,
    live: (work) => Promise.race([work(), death]),
    ask: async (effect) => {
      if (dead) return never;
      const how = dies();
      if (how === "before") return perish();
      await pause(turns());
      if (dead) return never;
      const value = await effect();
      if (how === "after") return perish();
      return dead ? never : value;
    },
  };
};
