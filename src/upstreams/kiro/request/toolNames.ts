/** Maps a client's tool names onto names the upstream takes, and back; reversible within a request (kiro-protocol B10, C1 16–17). */
import { createHash } from 'node:crypto';

export interface ToolNames {
  /** The name on the wire; asked first for the tools in their order, then for names of the history. */
  wire(name: string): string;
  /** The client's name; a name we never gave is returned as it came. */
  original(wire: string): string;
}

/** Sources differ between 63 and 64 characters and on the leading letter; the stricter reading pleases both. */
const takenAsIs = /^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/;
const maxLength = 63;
const hashLength = 10;

function shortened(name: string, salt: number): string {
  const hash = createHash('sha256')
    .update(salt === 0 ? name : `${name}\u0000${salt}`)
    .digest('hex')
    .slice(0, hashLength);
  const clean = name.replace(/[^a-zA-Z0-9_-]+/g, '_').replace(/^[^a-zA-Z]+/, '');
  return `${(clean || 'tool').slice(0, maxLength - hashLength - 1)}_${hash}`;
}

export function createToolNames(): ToolNames {
  const toWire = new Map<string, string>();
  const toOriginal = new Map<string, string>();
  /** Names that differ only in case are kept apart: not every reader upstream tells them from each other. */
  const taken = new Set<string>();
  return {
    wire(name) {
      const known = toWire.get(name);
      if (known !== undefined) return known;
      let wire = takenAsIs.test(name) ? name : shortened(name, 0);
      for (let salt = 1; taken.has(wire.toLowerCase()); salt++) wire = shortened(name, salt);
      taken.add(wire.toLowerCase());
      toWire.set(name, wire);
      toOriginal.set(wire, name);
      return wire;
    },
    original: (wire) => toOriginal.get(wire) ?? wire,
  };
}
