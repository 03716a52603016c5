/** Waiting that ends: after a time, or when the run it belongs to is over. */

/** Wait for a promise, at most `ms`, and not past the signal. */
export function within(promise, ms, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    const timer = setTimeout(() => reject(new Error("too late")), Math.max(0, ms));
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    });
  });
}

/** Let `ms` pass. */
export function pause(ms, signal) {
  return within(new Promise((resolve) => setTimeout(resolve, ms)), ms + 1000, signal);
}
