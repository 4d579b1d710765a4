/** Forgets dead entries of a map a few at a time, so that no call pays for a whole pass and nothing stays for ever. */

/** Each call looks at `step` entries, going round; `isDead` decides. */
export function createSweep<K, V>(map: Map<K, V>, isDead: (value: V, now: number) => boolean, step = 2): (now: number) => void {
  let round = map.entries();
  return (now) => {
    for (let i = 0; i < step; i += 1) {
      const next = round.next();
      if (next.done) {
        round = map.entries();
        return;
      }
      if (isDead(next.value[1], now)) map.delete(next.value[0]);
    }
  };
}
