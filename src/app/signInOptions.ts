/** The providers to sign in by, from the environment. */
import type { Config } from '../config.js';
import type { SignInOptions } from '../panels/api/signIn/options.js';

export function signInOptions(config: Config): SignInOptions {
  const { GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET, GITHUB_URL, GITHUB_API_URL } = config;
  const { OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_NAME } = config;
  return {
    publicUrl: config.PUBLIC_URL,
    trustedProxies: config.TRUSTED_PROXIES,
    github:
      GITHUB_CLIENT_ID === ''
        ? null
        : {
            clientId: GITHUB_CLIENT_ID,
            clientSecret: GITHUB_CLIENT_SECRET,
            url: GITHUB_URL || 'https://github.com',
            apiUrl: GITHUB_API_URL || 'https://api.github.com',
          },
    oidc: OIDC_ISSUER === '' ? null : { issuer: OIDC_ISSUER, clientId: OIDC_CLIENT_ID, clientSecret: OIDC_CLIENT_SECRET, name: OIDC_NAME },
  };
}
