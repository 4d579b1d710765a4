/** Decides what becomes of each row of an old KiroGate, from the rows and from what the target has alone. */
import type { Settings } from '../../shared/settings.js';
import type { ParsedCredential } from '../../upstreams/define.js';
import type { Decided } from '../define.js';
import type { IdentityProvider } from '../user/identities.js';
import type { OldInstallation, TakenTable } from './old/read.js';
import type { OldSecrets } from './old/secrets.js';
import { cleaned, type OldRow, shown, timeOf } from './old/values.js';
import { planAnnouncements, planImportKeys, planKeys } from './plan/keys.js';
import { planIpBans, planSettings } from './plan/metrics.js';
import { planTokens } from './plan/tokens.js';
import { planUsers } from './plan/users.js';
import { createReporter, type MigrationReport, type Reporter } from './report.js';

/** A decided event, with the moment when it happened where the old rows tell it (ms since epoch). */
export interface PlannedEvent extends Decided {
  readonly at: number;
}

/** Written beside the events: never part of one. */
export interface PlannedSecrets {
  readonly password?: { readonly userId: string; readonly hash: string };
  /** Accounts elsewhere by which the member signs in. */
  readonly identities?: readonly PlannedIdentity[];
  readonly key?: { readonly keyId: string; readonly hash: string };
  readonly importKey?: { readonly importKeyId: string; readonly hash: string };
  readonly credential?: { readonly tokenId: string; readonly credential: ParsedCredential };
}

export interface PlannedIdentity {
  readonly identity: string;
  readonly provider: IdentityProvider;
  readonly userId: string;
  /** ms since epoch */
  readonly linkedAt: number;
}

/** What one row becomes. */
export interface Becoming {
  readonly events: readonly PlannedEvent[];
  readonly secrets: PlannedSecrets;
}

/** A row that needs something. What that is is made when it is written: of all rows at once it would take as much memory again. */
export interface PlannedRow {
  readonly table: TakenTable;
  readonly become: () => Becoming;
}

export type Kind = 'user' | 'token' | 'key' | 'import-key' | 'announcement' | 'setting' | 'ip';

/** What the target has of all this, as far as the old rows name it. */
export interface Known {
  /** Id here by natural key, of earlier runs. */
  readonly remembered: (kind: Kind, natural: string) => string | undefined;
  /** Is the id taken by something else of this kind? */
  readonly isTaken: (kind: Kind, id: string) => boolean;
  readonly userByEmail: (email: string) => string | undefined;
  /** Who signs in here by this account elsewhere. */
  readonly userByIdentity: (identity: string) => string | undefined;
  readonly keyByHash: (hash: string) => string | undefined;
  readonly importKeyByHash: (hash: string) => string | undefined;
  readonly tokenByFingerprint: (fingerprint: string) => string | undefined;
  readonly isBanned: (cidr: string) => boolean;
  readonly storedSettings: Partial<Settings>;
  /** In force: stored, else the environment's. */
  readonly settings: Settings;
}

export interface PlanTools {
  /** ms since epoch, for what the old rows do not date. */
  readonly now: number;
  readonly newId: () => string;
  readonly secrets: OldSecrets;
  /** As `Upstream.parseCredential` of Kiro. Throws AppError. */
  readonly parseCredential: (input: Readonly<Record<string, unknown>>) => ParsedCredential;
  readonly isPasswordRecord: (encoded: string) => boolean;
  /** Default auth region of IdC credentials; undefined: the installation's. */
  readonly region: string | undefined;
}

/** What the parts of a plan share while it is made. */
export interface Planning {
  readonly old: OldInstallation;
  readonly known: Known;
  readonly tools: PlanTools;
  readonly report: Reporter;
  readonly rows: PlannedRow[];
  /** Old user id → id here. */
  readonly users: Map<string, string>;
  /** Mailboxes that rows of this file have by now. */
  readonly emails: Set<string>;
  /** The id here of a row that an earlier run took, or this one a moment ago. */
  readonly here: (kind: Kind, natural: string) => string | undefined;
  /** Notes by what a row is known again. */
  readonly keep: (kind: Kind, natural: string, id: string) => void;
  /** When the row says that it was made, ms; else now, which is told where the row has a date that cannot be read. */
  readonly dateOf: (table: TakenTable, id: string, value: unknown) => number;
  /** Cleaned text, at most `max` characters, and told where it is not what the row holds; null: absent or empty. */
  readonly text: (table: TakenTable, id: string, row: OldRow, column: string, max: number) => string | null;
  /** The row's id where it is free here, else a new one, which is reported. */
  readonly idFor: (kind: Kind, table: TakenTable, wanted: string) => string;
}

export interface Plan {
  readonly rows: readonly PlannedRow[];
  /** Id here by natural key. */
  readonly remember: ReadonlyMap<Kind, ReadonlyMap<string, string>>;
  readonly finish: (dryRun: boolean) => MigrationReport;
}

/** Yields after each row, so that the caller may rest between them; the last answer is the plan. */
export function* planMigration(old: OldInstallation, known: Known, tools: PlanTools): Generator<void, Plan> {
  const report = createReporter([...old.tables].map(([table, rows]) => ({ table, rows: rows.length })));
  const given = new Map<string, Set<string>>();
  const kept = new Map<Kind, Map<string, string>>();
  const planning: Planning = {
    old,
    known,
    tools,
    report,
    rows: [],
    users: new Map(),
    emails: new Set(),
    here: (kind, natural) => known.remembered(kind, natural) ?? kept.get(kind)?.get(natural),
    keep(kind, natural, id) {
      if (known.remembered(kind, natural) !== undefined) return;
      const ids = kept.get(kind) ?? new Map<string, string>();
      kept.set(kind, ids.set(natural, id));
    },
    dateOf(table, id, value) {
      const at = timeOf(value);
      if (at === null && value !== undefined)
        report.note(table, id, `its date (${shown(value)}) cannot be read: it counts from the import on`);
      return at ?? tools.now;
    },
    text(table, id, row, column, max) {
      const found = cleaned(row[column], max);
      for (const change of found?.changes ?? []) report.note(table, id, `its ${column} ${change}`);
      return found?.text ?? null;
    },
    idFor(kind, table, wanted) {
      const taken = given.get(kind) ?? new Set();
      given.set(kind, taken);
      const isFree = (id: string): boolean => !taken.has(id) && !known.isTaken(kind, id);
      let id = wanted;
      while (!isFree(id)) id = tools.newId();
      if (id !== wanted) report.mapped(table, wanted, id);
      taken.add(id);
      return id;
    },
  };
  for (const warning of old.warnings) report.warn(warning);
  yield* planUsers(planning);
  yield* planTokens(planning);
  yield* planKeys(planning);
  yield* planImportKeys(planning);
  yield* planAnnouncements(planning);
  yield* planSettings(planning);
  yield* planIpBans(planning);
  if (tools.secrets.usedPublished) {
    report.warn(
      'THE OLD TOKEN_ENCRYPT_KEY IS A PUBLISHED DEFAULT: whoever had a copy of the old file can read every credential in it; have their owners sign in anew and donate again',
    );
  }
  return { rows: planning.rows, remember: kept, finish: (dryRun) => report.finish(old.left, dryRun) };
}
