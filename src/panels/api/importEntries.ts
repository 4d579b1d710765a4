/** Reads what donors paste: JSON in its many wrappings, JSON Lines, a table with a header, or one refresh token a line. */
import { AppError } from '../../errors.js';
import { jsonPieces, mostLoose, parseLoosely } from './looseJson.js';

/** Why an entry cannot be read, for whoever says it in another language than ours. */
export interface Fault {
  readonly code: 'not_json' | 'header_missing' | 'columns' | 'open_quote';
  readonly text: string;
}

/** One credential as it was given, or why it cannot be read. */
export type Entry = { readonly given: unknown; readonly fault?: never } | { readonly fault: Fault };

/** Each is a transaction of its own; more go in further requests. */
const mostEntries = 5_000;
const tooMany = (): AppError =>
  new AppError('invalid_request', { message: `At most ${mostEntries} credentials in one request.`, param: 'body' });

const faultOf = (code: Fault['code'], text: string): Entry => ({ fault: { code, text } });
const unreadable = faultOf('not_json', 'This is not valid JSON.');

/** What a table's columns, and an object's members, may be called: spelled without signs and in lower case. */
const columns: Readonly<Record<string, string>> = {
  refreshtoken: 'refreshToken',
  token: 'refreshToken',
  clientid: 'clientId',
  clientsecret: 'clientSecret',
  clientsecretexpiresat: 'clientSecretExpiresAt',
  apikey: 'apiKey',
  authtype: 'authType',
  authmethod: 'authType',
  provider: 'provider',
  region: 'region',
  authregion: 'region',
  apiregion: 'apiRegion',
  profilearn: 'profileArn',
  baseurl: 'baseUrl',
  visibility: 'visibility',
  name: 'name',
  dailycap: 'dailyCap',
  allowedmodels: 'allowedModels',
};

/** Lists of an object that is itself a credential, not a wrapping of some. */
const ownLists: ReadonlySet<string> = new Set(['allowedModels', 'allowed_models', 'models', 'scopes']);
const wrappers = ['accounts', 'tokens', 'credentials', 'items', 'data'];
const wrappedList = new RegExp(`"(?:${wrappers.join('|')})"\\s*:\\s*\\[`);

/** In the order given. Throws `invalid_request` for text that begins as JSON and has nothing readable in it, and for too many. */
export function entriesOf(body: unknown): Entry[] {
  const entries = read(body);
  if (entries.length > mostEntries) throw tooMany();
  return entries;
}

function read(body: unknown): Entry[] {
  if (typeof body !== 'string') return unwrapped(body);
  const text = body.replace(/^\ufeff/, '').trim();
  if (!/^[[{"]/.test(text) || (text.startsWith('"') && headerOf(firstLine(text)) !== null)) return linesOf(text);
  const whole = parseLoosely(text);
  return whole === undefined ? piecesOf(text) : unwrapped(whole.value);
}

function unwrapped(value: unknown): Entry[] {
  if (Array.isArray(value)) return value.map((given: unknown) => ({ given }));
  if (typeof value !== 'object' || value === null) return [{ given: value }];
  const members = value as Readonly<Record<string, unknown>>;
  const isCredential = ['refreshToken', 'refresh_token', 'apiKey', 'api_key'].some((name) => typeof members[name] === 'string');
  const lists = Object.keys(members).filter((name) => Array.isArray(members[name]) && !ownLists.has(name));
  const list = wrappers.find((name) => lists.includes(name)) ?? (lists.length === 1 ? lists[0] : undefined);
  return isCredential || list === undefined ? [{ given: value }] : unwrapped(members[list]);
}

/** Text that is no JSON as a whole: one value a line, or several that follow each other, or a list with a fault in it. */
function piecesOf(text: string): Entry[] {
  const first = firstLine(text);
  const byLine = first !== text && parseLoosely(first) !== undefined;
  const entries = byLine ? linesOf(text) : text.length > mostLoose ? [] : readPieces(text);
  if (entries.every(({ fault }) => fault !== undefined)) {
    throw new AppError('invalid_request', { message: 'The text looks like JSON and is not valid.', param: 'body' });
  }
  return entries;
}

function readPieces(text: string): Entry[] {
  const list = text.startsWith('[');
  const pieces = jsonPieces(text);
  // One object that is broken somewhere: what it wraps is judged by itself.
  const inner = list || pieces.length > 1 ? -1 : text.search(wrappedList);
  if (inner >= 0) return readPieces(text.slice(text.indexOf('[', inner)));
  return pieces.flatMap((piece): Entry[] => {
    const parsed = parseLoosely(piece);
    return parsed === undefined ? [unreadable] : list ? [{ given: parsed.value }] : unwrapped(parsed.value);
  });
}

function firstLine(text: string): string {
  return (text.split(/[\r\n]/, 1)[0] ?? '').trim();
}

function linesOf(text: string): Entry[] {
  const lines = text
    .split(/\r?\n|\r/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  // The header is one more.
  if (lines.length > mostEntries + 1) throw tooMany();
  const table = headerOf(lines[0] ?? '');
  return table === null ? lines.flatMap(lineOf) : lines.slice(1).map((line) => rowOf(line, table));
}

function lineOf(line: string): Entry[] {
  if (/^[[{"]/.test(line)) {
    const parsed = parseLoosely(line);
    return parsed === undefined ? [unreadable] : unwrapped(parsed.value);
  }
  if (!/[,;\t]/.test(line)) return [{ given: line }];
  const text = 'This has several columns; begin with a line that names them, for example refreshToken,clientId,clientSecret.';
  return [faultOf('header_missing', text)];
}

interface Table {
  readonly separator: string;
  readonly names: readonly string[];
}

/** The table that this line begins; null: it is no header. */
function headerOf(line: string): Table | null {
  const separator = [',', ';', '\t'].find((sign) => line.includes(sign)) ?? ',';
  const cells = cellsOf(line, separator);
  const names = cells?.map((cell) => {
    const plain = cell.replace(/[\s_-]/g, '').toLowerCase();
    return Object.hasOwn(columns, plain) ? (columns[plain] as string) : cell;
  });
  return names?.some((name, index) => name !== cells?.[index] || Object.values(columns).includes(name)) ? { separator, names } : null;
}

function rowOf(line: string, { separator, names }: Table): Entry {
  const cells = cellsOf(line, separator);
  if (cells === null) return faultOf('open_quote', 'A quoted column does not end.');
  if (cells.length !== names.length) return faultOf('columns', `This has ${cells.length} columns, the header ${names.length}.`);
  const given = cells.flatMap((cell, index) => (cell === '' ? [] : [[names[index] as string, typed(names[index] as string, cell)]]));
  return { given: Object.fromEntries(given) as Record<string, unknown> };
}

/** A cell is text; two of our fields are not. */
function typed(name: string, cell: string): unknown {
  if (name === 'dailyCap' && /^\d{1,15}$/.test(cell)) return Number(cell);
  if (name === 'allowedModels') return cell.split(/[\s|;,]+/).filter((model) => model !== '');
  return cell;
}

/** Cells of a line, `"a ""quoted"", one"` unquoted; null: a quote does not end. */
function cellsOf(line: string, separator: string): string[] | null {
  const cells: string[] = [];
  let rest = line;
  for (;;) {
    const quoted = /^\s*"((?:[^"]|"")*)"\s*/.exec(rest);
    const end = quoted ? quoted[0].length : rest.indexOf(separator) < 0 ? rest.length : rest.indexOf(separator);
    if (!quoted && /^\s*"/.test(rest)) return null;
    cells.push(quoted ? (quoted[1] as string).replaceAll('""', '"').trim() : rest.slice(0, end).trim());
    if (end >= rest.length) return cells;
    if (!rest.startsWith(separator, end)) return null;
    rest = rest.slice(end + separator.length);
  }
}
