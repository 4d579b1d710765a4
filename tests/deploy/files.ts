/** The deployment files of the repository, read as data. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export const readText = (path: string): string => readFileSync(join(root, path), 'utf8');

export interface ComposeService {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[] | Readonly<Record<string, { readonly ipv4_address?: string } | null>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly command?: readonly string[];
  readonly stop_grace_period?: string;
  readonly deploy?: { readonly replicas?: number };
}

interface AddressPool {
  readonly subnet: string;
  readonly gateway?: string;
  readonly ip_range?: string;
}

export interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks?: Readonly<
    Record<string, { readonly internal?: boolean; readonly ipam?: { readonly config: readonly AddressPool[] } } | null>
  >;
}

/** `${A}`, `${A:-b}`, `${A-b}` and `$$` as compose reads them, innermost first. */
function interpolate(text: string, env: Readonly<Record<string, string>>): string {
  const pattern = /(?<!\$)\$\{([A-Z_][A-Z0-9_]*)(?:(:?-)([^${}]*))?\}/;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [whole, name = '', operator, fallback = ''] = match;
    const value = env[name];
    const given = value !== undefined && !(operator === ':-' && value === '');
    text = text.replace(whole, () => (given ? (value ?? '') : fallback));
  }
  return text.replaceAll('$$', '$');
}

/** A compose file as compose sees it with this `.env`: names are filled in after the file was read, then numbers made where they belong. */
export function readCompose(path: string, env: Readonly<Record<string, string>> = {}): Compose {
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string') return interpolate(value, env);
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, name === 'replicas' ? Number(fill(inner)) : fill(inner)]),
    );
  };
  return fill(parse(readText(path), { merge: true })) as Compose;
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [part: string]: unknown;
}

/** Every document of deploy/kubernetes, with its file's name. */
export function readManifests(): { readonly file: string; readonly manifest: Manifest }[] {
  const folder = join('deploy', 'kubernetes');
  return readdirSync(join(root, folder))
    .sort()
    .flatMap((file) =>
      parseAllDocuments(readText(join(folder, file))).map((document) => ({ file, manifest: document.toJS() as Manifest })),
    );
}
