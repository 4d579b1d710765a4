/** What the doctor says of one thing that it looked at. */

export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'fault';
  readonly detail: string;
  readonly fix: string | null;
}

export const ok = (check: string, detail: string): Finding => ({ check, state: 'ok', detail, fix: null });
export const warning = (check: string, detail: string, fix: string): Finding => ({ check, state: 'warning', detail, fix });
export const fault = (check: string, detail: string, fix: string): Finding => ({ check, state: 'fault', detail, fix });

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
