/** The last 100 results of a token within 24 h, for its success rate. */

const KEPT = 100;
const DAY_MS = 86_400_000;

export interface Results {
  /** Monotonic ms + 1, negative for a failure; oldest first. One number a result keeps 10,000 tokens under 10 MB. */
  marks: number[];
  failures: number;
}

export function createResults(): Results {
  return { marks: [], failures: 0 };
}

export function addResult(results: Results, ok: boolean, now: number): void {
  results.marks.push(ok ? now + 1 : -(now + 1));
  if (!ok) results.failures += 1;
  if (results.marks.length > KEPT) dropOldest(results);
}

export function trimResults(results: Results, now: number): void {
  for (let first = results.marks[0]; first !== undefined && Math.abs(first) - 1 <= now - DAY_MS; first = results.marks[0])
    dropOldest(results);
}

/** Share of failures, 0 where nothing is known. Trim first. */
export function failureRate(results: Results): number {
  return results.marks.length === 0 ? 0 : results.failures / results.marks.length;
}

function dropOldest(results: Results): void {
  if ((results.marks.shift() ?? 0) < 0) results.failures -= 1;
}
