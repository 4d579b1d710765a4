import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createToolNames } from './toolNames.js';

describe('tool names', () => {
  it('pitfall 17: two long names that share 63 characters do not collide', () => {
    const names = createToolNames();
    const common = 'n'.repeat(63);
    expect(names.wire(`${common}_one`)).not.toBe(names.wire(`${common}_two`));
  });

  it('pitfalls 16 and 17: any set of names is taken upstream, unique without regard to case, and comes back', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 90 }), fc.constantFrom('Read', 'read', 'READ', 'tool', '工具')), {
          maxLength: 30,
        }),
        (originals) => {
          const names = createToolNames();
          const wires = originals.map(names.wire);
          for (const wire of wires) expect(wire).toMatch(/^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/);
          expect(new Set(wires.map((wire) => wire.toLowerCase())).size).toBe(originals.length);
          expect(wires.map(names.original)).toEqual(originals);
        },
      ),
    );
  });

  it('gives one name the same form in every request', () => {
    expect(createToolNames().wire('mcp.read file')).toBe(createToolNames().wire('mcp.read file'));
    expect(createToolNames().original('never_given')).toBe('never_given');
  });
});
