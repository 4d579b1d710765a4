export const terminalTypes = ['kirogate.token.used', 'kirogate.request.failed', 'kirogate.request.cancelled', 'kirogate.request.abandoned'];
export function createArchiveReader(admin) {
  const events = [];
  return {
    async read() {
      for (;;) {
        const after = events.at(-1)?.cursor;
        const query = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
        const { items } = await admin.get(`/admin/api/events?limit=500${query}`);
        events.push(...items);
        if (items.length < 500) return [...events];
      }
    },
  };
}
