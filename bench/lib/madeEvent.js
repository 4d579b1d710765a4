/** Terminal events as a busy installation has them: 200 tokens, 100 members with a key each, 5 models, latencies over three decades. */
import { exampleTerminal } from '../../dist/events/request/facts.js';

export function createMakeEvent(ids) {
  let made = 0;
  return () => {
    made += 1;
    const tokenId = `token${made % 200}`;
    const now = Date.now();
    const attempts = exampleTerminal.attempts.map((attempt) => ({
      ...attempt,
      attemptId: ids.uuid(),
      tokenId,
      startedAt: now - 900,
      respondedAt: now - 500,
    }));
    return {
      id: ids.uuid(),
      type: 'kirogate.token.used',
      source: '/kirogate/nodes/bench',
      subject: `token/${tokenId}`,
      time: now,
      data: {
        ...exampleTerminal,
        requestId: ids.uuid(),
        userId: `user${made % 100}`,
        keyId: `key${made % 100}`,
        model: `model-${made % 5}`,
        latencyUs: 1_000 * (1 + ((made * 7_919) % 1_000)),
        tokenId,
        attempts,
      },
      dataversion: 1,
      partitionkey: tokenId,
      actor: `key/key${made % 100}`,
      correlationid: ids.uuid(),
      causationid: null,
    };
  };
}
