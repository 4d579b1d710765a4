/** The accounts elsewhere by which old users signed in, as this installation knows them. */
import { type IdentityProvider, identityOf } from '../../user/identities.js';
import { isFilled, type OldRow, wholeText } from './values.js';

export interface OldAccount {
  /** By which a later run knows the row again. */
  readonly natural: string;
  readonly provider: IdentityProvider;
  /** See `identityOf`. */
  readonly identity: string;
}

/**
 * Where the old ids were given out, whatever this installation is set to: the user 4711 of another GitHub, or of another
 * issuer, is somebody else.
 */
const homes = [
  { name: 'github', provider: 'github', issuer: 'https://github.com' },
  { name: 'linuxdo', provider: 'oidc', issuer: 'https://connect.linux.do' },
] as const;

export function accountsOf(row: OldRow): OldAccount[] {
  return homes.flatMap(({ name, provider, issuer }) => {
    const subject = wholeText(row[`${name}_id`], 100);
    return subject === null ? [] : [{ natural: `${name}:${subject}`, provider, identity: identityOf(provider, issuer, subject) }];
  });
}

/** Columns whose account cannot be kept, because what they hold is no id. */
export function unusableAccounts(row: OldRow): string[] {
  return homes.map(({ name }) => `${name}_id`).filter((column) => isFilled(row[column]) && wholeText(row[column], 100) === null);
}
