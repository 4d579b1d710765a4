/** Does an event of the live feed fit the filters of the page? The feed itself is asked for types only. */

export interface TailFilter {
  /** '' takes all. */
  readonly subject: string;
  readonly correlationId: string;
}

export function fits(
  event: { readonly subject: string; readonly correlationid?: string | null },
  { subject, correlationId }: TailFilter,
): boolean {
  return (subject === '' || event.subject === subject) && (correlationId === '' || event.correlationid === correlationId);
}
