/** Counts what a caller waits for in turn: replies come in rounds, all that are under way with one another, and each round is a trip. */
import { setImmediate as turn } from 'node:timers/promises';

export interface Trips {
  /** Keeps the reply back until its round. */
  hold<T>(reply: Promise<T>): Promise<T>;
  /** Rounds that it takes until the work is done. */
  count(work: () => Promise<unknown>): Promise<number>;
}

export function createTrips(): Trips {
  const underWay = new Set<Promise<unknown>>();
  let held: (() => void)[] = [];
  let isCounting = false;
  return {
    hold(reply) {
      if (!isCounting) return reply;
      return new Promise((resolve, reject) => {
        const arrived = reply
          .then(
            (value) => held.push(() => resolve(value)),
            (error: unknown) => held.push(() => reject(error)),
          )
          .finally(() => underWay.delete(arrived));
        underWay.add(arrived);
      });
    },
    async count(work) {
      isCounting = true;
      let isDone = false;
      const end = work().finally(() => (isDone = true));
      let trips = 0;
      // What follows from one round's replies is asked before the next round comes.
      for (await turn(); !isDone; await turn()) {
        await Promise.all(underWay);
        const round = held;
        held = [];
        if (round.length > 0) trips += 1;
        for (const deliver of round) deliver();
      }
      isCounting = false;
      await end;
      return trips;
    },
  };
}
