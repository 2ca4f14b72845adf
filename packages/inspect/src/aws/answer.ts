// What AWS answered to a question, or why the question stays open. A missing right never counts as a fault.

/** A question without an answer. */
export interface Unanswered {
  /** The action of IAM that the question needs, for example `lambda:GetPolicy`. */
  readonly action: string;
  /** Why there is no answer: the name of AWS' error, or `timeout`. */
  readonly reason: string;
}

/** The answer of AWS, or the reason why there is none. */
export type Answer<Value> = { readonly value: Value } | { readonly unanswered: Unanswered };

/** Whether AWS answered. */
export const isAnswered = <Value>(answer: Answer<Value>): answer is { readonly value: Value } => "value" in answer;

/** The value of an answer; undefined if there is none. */
export const knownValue = <Value>(answer: Answer<Value>): Value | undefined =>
  isAnswered(answer) ? answer.value : undefined;

const patienceMs = 10_000;

const timeout = Symbol("timeout");

/**
 * Asks AWS. An error or a silence of ten seconds becomes `unanswered`; pass errors that are an answer, such as that of a
 * queue that does not exist, through `missing`, which returns the value that they stand for.
 * @param action the action of IAM that the call needs.
 * @param missing the value of a resource that does not exist; default: the error counts as unanswered.
 */
export const ask = async <Value>(
  action: string,
  call: (signal: AbortSignal) => Promise<Value>,
  missing?: () => Value,
): Promise<Answer<Value>> => {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<typeof timeout>((resolve) => {
    timer = setTimeout(() => resolve(timeout), patienceMs);
  });
  try {
    const value = await Promise.race([call(controller.signal), silence]);
    if (value !== timeout) return { value };
    controller.abort();
    return { unanswered: { action, reason: "timeout" } };
  } catch (error) {
    const { name, message, code }: NodeJS.ErrnoException = error as Error;
    if (missing !== undefined && /NotFound|NonExistent|NoSuchEntity|DoesNotExist/.test(name))
      return { value: missing() };
    // Errors of the network, and of the SDK's configuration, have no name of their own. No message of AWS is shown.
    const isUnnamed = name === "Error" || name === "AggregateError";
    const reason = message === "Region is missing" ? message : name;
    return { unanswered: { action, reason: isUnnamed ? (code ?? reason) : name } };
  } finally {
    clearTimeout(timer);
  }
};
