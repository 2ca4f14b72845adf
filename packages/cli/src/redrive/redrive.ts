// `sluice redrive`: opens what it needs, makes the rounds, puts back what is left, and tells.

import { lambdaClient, s3Client } from "../aws/clients.ts";
import { claimsOf } from "../aws/payloads.ts";
import { exitCodes } from "../command-line/command-error.ts";
import { isSelective } from "../filter/dead-letter-filter.ts";
import { type Stock, stillHidden } from "../message-source/message-source.ts";
import { openLetterbox } from "../message-source/open-source.ts";
import { newOtherKinds } from "../message-source/unsupported-messages.ts";
import { openSpool } from "../files/temporary-file.ts";
import { watchInterrupts } from "../terminal/interrupt.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { counted } from "../terminal/format.ts";
import { newAccount } from "../../../redrive/src/run-counts.ts";
import { FunctionFailedError, type Invoker } from "./invoker.ts";
import { lambdaInvoker } from "./lambda-invoker.ts";
import { localInvoker } from "./local-handler.ts";
import type { RedriveOptions } from "./options.ts";
import { type Causes, isLeft, newCauses, type Remainder, remainderLines, sumLine, vainFilterLines } from "./report.ts";
import { makeRounds, type Redriving } from "./rounds.ts";
import { settler } from "./finish.ts";

const openInvoker = async ({ handler, aws }: RedriveOptions, { err }: Terminal): Promise<Invoker> => {
  if (handler.to === "local") {
    return localInvoker({ handler: handler.handler, aws, onOutput: (text) => err(text.trimEnd()) });
  }
  return lambdaInvoker(await lambdaClient(aws, handler.functionName), handler.functionName);
};

const introduce = ({ letterbox, terminal: { err } }: Redriving, { waiting, notes }: Stock): void => {
  err(`${letterbox.name}: ${waiting === undefined ? "" : `about ${counted(waiting, "message")}`}`);
  for (const note of notes) err(`${letterbox.name}: ${note}`);
};

/** How much of a FIFO queue is behind what stays. */
const countBehind = async ({ letterbox, account }: Redriving): Promise<number> => {
  const staying = account.left() + account.count("notMeant") + account.count("noLetter");
  if (!letterbox.comesInRounds || staying === 0) return 0;
  return (await letterbox.look()).waiting ?? 0;
};

const tell = (
  { account, otherKinds, terminal: { out }, options }: Redriving,
  causes: Causes,
  remainder: Remainder,
): void => {
  out(sumLine(account, options.isDryRun));
  for (const line of [...causes.lines(), ...otherKinds.lines(), ...vainFilterLines(account)]) out(`  ${line}`);
  for (const line of remainderLines(remainder)) out(`  ${line}`);
  for (const line of causes.lost()) out(`lost: ${line}`);
};

/** How the rounds ended. */
interface Ending {
  readonly isFull: boolean;
  readonly failure?: { readonly error: unknown };
}

/** All of it, with everything open. Answers whether something is left. */
const run = async (redriving: Redriving, causes: Causes): Promise<boolean> => {
  const { letterbox, account, settler, options, signal } = redriving;
  const stock = await letterbox.look();
  introduce(redriving, stock);
  account.receive(stock.removedBefore);
  account.note("doneBefore", stock.removedBefore);
  const { isFull, failure }: Ending = await makeRounds(redriving, stock).then(
    (isFull) => ({ isFull }),
    (error) => ({ isFull: false, failure: { error } }),
  );
  const behind = await countBehind(redriving).catch(() => 0);
  const notPutBack = await letterbox.putBack();
  const remainder = {
    hidden: stillHidden(stock, account.received()),
    isFull,
    behind,
    unremoved: settler.unremoved(),
    lapsed: letterbox.lapsed(),
    notPutBack,
    isEverything: !isSelective(options.filter),
  };
  tell(redriving, causes, remainder);
  account.check();
  if (failure !== undefined) throw failure.error;
  return isLeft(account, remainder) || signal.aborted;
};

/** Redrives, and answers the exit code. @throws {CommandError} when something that it needs cannot be reached */
export const redrive = async (options: RedriveOptions, terminal: Terminal): Promise<number> => {
  const { signal, release } = watchInterrupts(() =>
    terminal.err(
      "stopping: the request in flight is finished, and the rest is put back. Ctrl-C once more ends at once",
    ),
  );
  const open: { readonly close: () => Promise<void> }[] = [];
  const kept = <One extends { readonly close: () => Promise<void> }>(one: One): One => {
    open.unshift(one);
    return one;
  };
  const { place, aws, isDryRun } = options;
  try {
    const invoker = kept(await openInvoker(options, terminal));
    const letterbox = kept(await openLetterbox(place, aws));
    const claims = kept(claimsOf(() => s3Client(aws)));
    const spool = kept(await openSpool());
    const [account, causes] = [newAccount(), newCauses()];
    const owned = place.kind === "queue" ? claims : undefined;
    const settling = settler({ letterbox, claims: owned, account, causes, isDryRun, warn: terminal.err });
    const opened = { options, terminal, letterbox, invoker, claims, spool, signal };
    const redriving = { ...opened, account, otherKinds: newOtherKinds(), settler: settling };
    return (await run(redriving, causes)) ? exitCodes.left : exitCodes.done;
  } catch (error) {
    if (!(error instanceof FunctionFailedError)) throw error;
    terminal.err(`sluice: the function fails: ${error.message}`);
    return exitCodes.left;
  } finally {
    for (const one of open) await one.close();
    release();
  }
};
