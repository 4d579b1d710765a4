/** Who a request belongs to and what that allows; fixed at authentication, re-read before admission. */

export interface Caller {
  readonly userId: string;
  readonly keyId: string;
  /** null: the operator's own use is not metered. */
  readonly quota: { readonly daily: number; readonly monthly: number } | null;
  /** Requests in any 60 s; null: not limited. */
  readonly keyRpm: number | null;
  readonly allowedModels: readonly string[] | null;
  /** The caller brought this upstream token (`ext-…`); no other may serve it. */
  readonly onlyTokenId: string | null;
  readonly ownOnly: boolean;
}

export const OPERATOR_USER = 'operator';
export const OPERATOR_KEY = 'proxy';
