// The rounds of a redrive: take out what is there, send it in order, and again where removals bring more to light.

import { systemClock } from "@sluice/core/sink-kit";
import type { Claims } from "../aws/payloads.ts";
import type { Letterbox, Stock } from "../message-source/message-source.ts";
import type { OtherKinds } from "../message-source/unsupported-messages.ts";
import type { Spool } from "../files/temporary-file.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { withSeparators } from "../terminal/format.ts";
import type { Account } from "../../../redrive/src/run-counts.ts";
import { collect } from "./receive.ts";
import type { Invoker } from "./invoker.ts";
import type { RedriveOptions } from "./options.ts";
import { paceOf } from "./pace.ts";
import { type Entry, inOrder, type Parcel } from "./delivery-unit.ts";
import { letterReader, onFailureDestinationReader } from "./read-message.ts";
import { type EntryResult, sender, unsent } from "../../../redrive/src/engine.ts";
import type { Settler } from "./finish.ts";

/** What a redrive works with, all of it open. */
export interface Redriving {
  readonly options: RedriveOptions;
  readonly terminal: Terminal;
  readonly letterbox: Letterbox;
  readonly invoker: Invoker;
  readonly claims: Claims;
  readonly spool: Spool;
  readonly signal: AbortSignal;
  readonly account: Account;
  readonly otherKinds: OtherKinds;
  readonly settler: Settler;
}

const failuresText = (account: Account): string =>
  (["rejected", "retried"] as const)
    .filter((fate) => account.count(fate) > 0)
    .map((fate) => `${withSeparators(account.count(fate))} ${fate}`)
    .join(", ");

/** Makes one round; it answers whether another may bring more, and whether more is there than may be held. */
const roundOf = (redriving: Redriving, stock: Stock) => {
  const { options, terminal, letterbox, invoker, claims, spool, signal, account, otherKinds, settler } = redriving;
  const { isDryRun, perSecond, from, filter, most } = options;
  const known = new Map<string, Parcel>();
  let [total, done] = [0, 0];
  const settle = async (results: ReadonlyMap<Entry, EntryResult>): Promise<void> => {
    await settler.settle(results);
    done += results.size;
    terminal.progress.update({ doing: "redriving", done, total, beside: failuresText(account) });
  };
  const read = from === "on-failure" ? onFailureDestinationReader(filter.since) : letterReader(filter, claims);
  const onProgress = (taken: number): void =>
    terminal.progress.update({ doing: "receiving", done: taken, total: stock.waiting });
  const send = sender({ invoker, spool, isDryRun, perSecond, pace: paceOf(perSecond, systemClock), signal, settle });
  const leave = (entries: readonly Entry[], reason: string): Promise<void> =>
    settler.settle(new Map(entries.map((entry) => [entry, unsent(reason)])));

  return async (): Promise<{ readonly isLast: boolean; readonly isFull: boolean }> => {
    const collecting = { letterbox, read, spool, account, otherKinds, known, signal, onProgress };
    const { entries, others, spent, taken, isFull, failure } = await collect(collecting);
    await settler.remove(spent);
    if (!letterbox.comesInRounds) await letterbox.putBack(others);
    if (failure !== undefined) {
      await leave(entries, "the redrive ended early");
      throw failure.error;
    }
    const sorted = inOrder(entries);
    const room = most - total;
    total += Math.min(room, sorted.length);
    await leave(sorted.slice(room), "--max was reached");
    await send(sorted.slice(0, room));
    return { isLast: taken === 0 || signal.aborted || isDryRun || total >= most || !letterbox.comesInRounds, isFull };
  };
};

/** Makes rounds until nothing more comes. Answers whether more is there than may be held. */
export const makeRounds = async (redriving: Redriving, stock: Stock): Promise<boolean> => {
  const round = roundOf(redriving, stock);
  for (;;) {
    const { isLast, isFull } = await round();
    if (isLast) return isFull;
  }
};
