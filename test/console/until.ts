// Waits for what happens outside of a page.

/** Waits until the check returns a value other than false and undefined. */
export const until = async <Value>(
  check: () => Value | false | undefined | Promise<Value | false | undefined>,
  what = "the expected state",
  timeoutMs = 30_000,
): Promise<Value> => {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    const value = await check();
    if (value !== false && value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`${timeoutMs / 1_000} seconds passed without ${what}`);
};
