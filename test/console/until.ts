// Waits for what happens outside of a page.

/** Waits until the check returns a value other than false and undefined. Fails after 30 seconds. */
export const until = async <Value>(
  check: () => Value | false | undefined | Promise<Value | false | undefined>,
  what = "the expected state",
): Promise<Value> => {
  const end = Date.now() + 30_000;
  while (Date.now() < end) {
    const value = await check();
    if (value !== false && value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`30 seconds passed without ${what}`);
};
