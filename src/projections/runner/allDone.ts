/** Statements of one transaction that are under way together. */

/** Waits for every one, then throws the first error: nothing may still run when the transaction is rolled back. */
export async function allDone<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(work);
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
