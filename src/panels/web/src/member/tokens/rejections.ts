/** Why a row of a donation was refused, in the reader's language. */
import type { FieldText } from '../../i18n/fieldText';

/** `code` and what follows are absent from nodes of an older release. */
export interface Rejection {
  readonly index: number;
  /** In English; for what is not known here. */
  readonly reason: string;
  readonly code?: string;
  /** The field at fault. */
  readonly param?: string | null;
  /** The schema's complaint, as facts. */
  readonly issue?: unknown;
}

export function rejectionText({ code, param, issue, reason }: Rejection, fields: FieldText): string {
  return fields.reason(code ?? null, param) ?? fields.issue(param ?? '', issue) ?? reason;
}
