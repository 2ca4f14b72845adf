// How many tabs hold a connection open. A browser opens six connections to one server, for all of its tabs together.

/** Tabs that hold a connection. The connections that are left are for the requests of all tabs. */
const count = 3;

/**
 * Does work that holds a connection open, if a place for it is free. Returns whether there was one. Where the browser has no
 * locks (a page over HTTP from another machine), each tab is as the only one.
 */
export const inSlot = async (work: () => Promise<void>): Promise<boolean> => {
  const { locks } = navigator as { readonly locks?: LockManager };
  if (locks === undefined) {
    await work();
    return true;
  }
  for (let slot = 0; slot < count; slot++) {
    const hadSlot = await locks.request(`sluice-live-${slot}`, { ifAvailable: true }, async (lock) => {
      if (lock !== null) await work();
      return lock !== null;
    });
    if (hadSlot) return true;
  }
  return false;
};
