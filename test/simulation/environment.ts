// An execution environment of Lambda. It can crash at a request, it is frozen between invocations, and it can be frozen
// in the middle of an invocation and continue much later, when others have taken over its work.

import type { Clock } from "@sluice/core/sink-kit";
import type { FaultKind, Place } from "./plan.ts";
import type { Random } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";

/** What an environment needs of its world. */
export interface Surroundings {
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** Returns what happens to the next request at this place. */
  readonly faultAt: (place: Place) => FaultKind | undefined;
}

/** One request. `effect` is what it does at the target. `failure` is the error of the client, if there is no answer. */
export interface Request<Answer> {
  readonly place: Place;
  readonly effect: (isPartial: boolean) => Answer;
  readonly failure: () => Error;
}

const never = new Promise<never>(() => undefined);

/** One environment, with the events that wait while it is frozen. */
export class Environment {
  readonly version: number;
  readonly clock: Clock;
  isDead = false;
  isBusy = false;
  /** Number of the current invocation in the world. */
  invocation = 0;
  /** Called when the environment crashes. */
  onCrash: () => void = () => undefined;
  readonly #world: Surroundings;
  readonly #held: (() => void)[] = [];
  #isFrozen = false;
  #isZombie = false;

  constructor(world: Surroundings, version: number) {
    this.#world = world;
    this.version = version;
    this.clock = {
      now: () => world.scheduler.now,
      random: world.random.next,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal.aborted) return resolve();
          signal.addEventListener("abort", () => resolve(), { once: true });
          this.later(ms, resolve);
        }),
    };
  }

  get isZombie(): boolean {
    return this.#isZombie;
  }

  /** Runs a function inside the environment. While the environment is frozen, the function waits. */
  later(ms: number, run: () => void): void {
    this.#world.scheduler.after(ms, () => this.#resume(run));
  }

  #resume(run: () => void): void {
    if (this.isDead) return;
    if (this.#isFrozen) this.#held.push(run);
    else run();
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    for (const run of this.#held.splice(0)) this.later(0, run);
  }

  crash(): void {
    this.isDead = true;
    this.onCrash();
  }

  /** Freezes the environment in the middle of its invocation, until others have done the work. */
  #becomeZombie(): void {
    this.#isZombie = true;
    this.freeze();
    this.#world.scheduler.after(this.#world.random.pick([20_000, 60_000, 400_000]), () => this.thaw());
  }

  /** Sends a request, with the fault that the plan has for it. */
  request<Answer>({ place, effect, failure }: Request<Answer>): Promise<Answer> {
    if (this.isDead) return never;
    const { scheduler, random } = this.#world;
    const fault = this.#world.faultAt(place);
    if (fault === "crash-before") {
      this.crash();
      return never;
    }
    return new Promise((resolve, reject) => {
      const latency = fault === "hang" ? random.pick([8_000, 40_000, 200_000]) : random.between(1, 20);
      const fail = (): void => reject(failure());
      const arrive = (): void => {
        try {
          const answer = effect(fault === "partial");
          if (fault === "crash-after") this.crash();
          else this.later(random.between(1, 5), () => (fault === "lost" ? fail() : resolve(answer)));
        } catch (error) {
          this.later(1, () => reject(error));
        }
      };
      if (fault === "error") return this.later(latency, fail);
      if (fault !== "freeze") return scheduler.after(latency, arrive);
      this.#becomeZombie();
      this.later(0, () => scheduler.after(latency, arrive));
    });
  }
}
