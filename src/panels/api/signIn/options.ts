/** Which outside providers a member may sign in by, as the environment says. */

export interface GithubOptions {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Origins; GitHub's own unless a test or an Enterprise server stands in. */
  readonly url: string;
  readonly apiUrl: string;
}

export interface OidcOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** What the button says. */
  readonly name: string;
}

export interface SignInOptions {
  /** Origin that browsers see; empty: what each request says. */
  readonly publicUrl: string;
  /** Whose `X-Forwarded-Proto` counts. */
  readonly trustedProxies: readonly string[];
  readonly github: GithubOptions | null;
  readonly oidc: OidcOptions | null;
}
