/** Puts characters together that were cut between two events: halves of a UTF-8 sequence or of a surrogate pair (pitfall 29). */

export interface TextJoiner {
  /** The text that is whole by now. `raw`: the event was not valid UTF-8 and was read byte by byte (latin1). */
  join(text: string, raw: boolean): string;
  /** Half a character that nothing followed, as the replacement character; else ''. */
  rest(): string;
}

/** Bytes at the end that begin a sequence and do not finish it. */
function incompleteTail(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? back : 0;
  }
  return 0;
}

export function createTextJoiner(): TextJoiner {
  let bytes: Buffer | null = null;
  let half = '';

  const rest = (): string => {
    const lost = bytes !== null || half !== '';
    bytes = null;
    half = '';
    return lost ? '\ufffd' : '';
  };

  const decode = (text: string): string => {
    const all = Buffer.concat([bytes ?? Buffer.alloc(0), Buffer.from(text, 'latin1')]);
    const tail = incompleteTail(all);
    bytes = tail === 0 ? null : all.subarray(all.length - tail);
    return all.toString('utf8', 0, all.length - tail);
  };

  return {
    rest,
    join(text, raw) {
      let whole = raw ? decode(text) : bytes === null ? text : rest() + text;
      if (half !== '' && whole !== '') {
        whole = half + whole;
        half = '';
      }
      const last = whole.charCodeAt(whole.length - 1);
      if (last >= 0xd800 && last <= 0xdbff) {
        half = whole.slice(-1);
        whole = whole.slice(0, -1);
      }
      return whole;
    },
  };
}
