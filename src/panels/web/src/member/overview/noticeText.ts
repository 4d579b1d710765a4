/** What a notice says, in the reader's language, from the facts that the API gives with it. */
import type { Translate } from '../../i18n';
import type { Format } from '../../i18n/format';
import type { Notice } from '../types';

const reasons = ['failures', 'upstream', 'admin', 'credits'] as const;
type Reason = (typeof reasons)[number];

/** A notice without facts, from an older node, tells in its own words. */
export function noticeText(notice: Notice, t: Translate, format: Pick<Format, 'number' | 'dateTime'>): string {
  const { data } = notice;
  if (data?.kind === 'quota') {
    const facts = { used: format.number(data.used), limit: format.number(data.limit), time: format.dateTime(data.resetAt) };
    return t(`member:notifications.quota.${data.period}`, facts);
  }
  if (data?.kind === 'token') {
    const name = data.tokenName ?? data.tokenId;
    const told = notice.type === 'token_invalid' ? 'invalid' : 'suspended';
    if (data.reason === null) return t(`member:notifications.${told}`, { name });
    const known = reasons.find((reason): reason is Reason => reason === data.reason);
    const reason = known === undefined ? data.reason : t(`member:tokens.reasons.${known}`);
    return t(`member:notifications.${told}Because`, { name, reason });
  }
  return notice.message;
}
