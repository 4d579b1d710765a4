/** The list of what a node sends to Redis is held to the source: a command or a key that is new there must be asked for at start. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMMANDS, KEYS } from './rights.js';

const src = fileURLToPath(new URL('../..', import.meta.url));
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
  (path) => /\.(ts|lua)$/.test(path) && !/\.test\.ts$|\btesting\/|^panels\/web|^simulator/.test(path),
);
const texts = files.map((path) => readFileSync(`${src}/${path}`, 'utf8'));
/** What an installation may live without: warnings only. SELECT is asked for when the connection opens. */
const OPTIONAL = new Set(['CONFIG', 'SELECT']);

function found(pattern: RegExp): string[] {
  return [...new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map(([, first = '']) => first)))].sort();
}

describe('the rights that a node asks for at start', () => {
  it('name every command in the source', () => {
    const sent = found(/\b(?:command|call|ask)\(\s*'([A-Z]+)'/g);
    expect(sent.length).toBeGreaterThan(40);
    const asked = new Set(COMMANDS.map((text) => text.split(' ')[0]));
    expect(sent.filter((name) => !asked.has(name) && !OPTIONAL.has(name))).toEqual([]);
    expect([...asked].filter((name) => name !== undefined && !sent.includes(name))).toEqual([]);
  });

  it('name a key of every family in the source', () => {
    // What AsyncAPI calls the streams is a pattern of its own.
    const families = found(/['"`](kirogate:[{}\w:$]*)/g).filter(
      (prefix) => prefix !== 'kirogate:' && !prefix.includes('{partition}:events'),
    );
    expect(families.length).toBeGreaterThan(8);
    const fits = (prefix: string): boolean => {
      const pattern = prefix.replace(/\$\{[^}]*\}?|[.*+?^()|[\]\\]/g, (part) => (part.startsWith('$') ? '\u0000' : `\\${part}`));
      const escaped = pattern.replace(/[{}]/g, '\\$&').replaceAll('\u0000', '[^:]*');
      return KEYS.some((key) => new RegExp(`^${escaped}`).test(key));
    };
    expect(families.filter((prefix) => !fits(prefix))).toEqual([]);
  });
});
