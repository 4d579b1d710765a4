/** What the simulated service can be told to do with one completion, and the settings that hold for all of them. */
import { z } from 'zod';

const milliseconds = z.number().min(0).max(3_600_000);
const count = z.int().min(0).max(1_000_000);

/** All members are optional; what is left out goes its normal way. */
export const behaviourSchema = z.strictObject({
  /** Wait before the response's head, ms. */
  delayMs: milliseconds.optional(),
  /** Wait before the head until `release()`: for tests that must know what runs at once. */
  hold: z.boolean().optional(),
  /** Wait between frames, ms. */
  gapMs: milliseconds.optional(),
  /** Refuse with this status and body; `status: 200` sends the error body under a success status. */
  error: z
    .strictObject({
      status: z.int().min(200).max(599),
      message: z.string(),
      reason: z.string().nullable().optional(),
      type: z.string().optional(),
      retryAfterSeconds: z.number().min(0).optional(),
    })
    .optional(),
  /** The answer's text instead of the echo. */
  text: z.string().optional(),
  /** So many words instead of the echo. */
  words: count.optional(),
  /** Think this first. */
  think: z.string().optional(),
  /** Call these tools after the text. `call` is their id; one is made up otherwise. */
  tools: z.array(z.strictObject({ name: z.string(), input: z.record(z.string(), z.unknown()), call: z.string().optional() })).optional(),
  /** Send the pieces of several tool calls in turn. */
  interleave: z.boolean().optional(),
  /** How tool input is sent: text pieces, one object, or objects that grow. */
  toolInput: z.enum(['pieces', 'object', 'growing']).optional(),
  /** No text beside thinking and tool calls. */
  quiet: z.boolean().optional(),
  /** A 200 with no output at all. */
  empty: z.boolean().optional(),
  /** An exception frame half-way through the output; nothing follows. */
  exception: z.strictObject({ type: z.string(), message: z.string() }).optional(),
  /** An error frame (detail in its headers) half-way; nothing follows. */
  errorFrame: z.strictObject({ code: z.string(), message: z.string() }).optional(),
  /** An `invalidStateEvent` half-way; nothing follows. */
  invalidState: z.strictObject({ reason: z.string(), message: z.string() }).optional(),
  /** Instead of END_TURN or TOOL_USE. */
  stopReason: z.string().optional(),
  /** Destroy the socket after so many frames. */
  cutAfter: count.optional(),
  /** Send so many frames, then nothing more until the client leaves. */
  stallAfter: count.optional(),
  /** Write the bytes in pieces of this size, whatever the frames. */
  splitBytes: z.int().min(1).optional(),
  /** These events instead of the whole reply. */
  events: z.array(z.strictObject({ type: z.string(), payload: z.unknown() })).optional(),
});

export type Behaviour = z.infer<typeof behaviourSchema>;

/** A log-normal spread in ms. */
const spread = z.strictObject({ medianMs: milliseconds, p95Ms: milliseconds });

export const settingsSchema = z.strictObject({
  /** Before the head, for requests that say nothing of it themselves. */
  latency: spread.nullable(),
  /** Between frames, likewise. */
  gap: spread.nullable(),
  /** Share of completions that fail by chance, 0–1. */
  failureRate: z.number().min(0).max(1),
  /** What a chance failure looks like, drawn by weight. */
  failures: z.array(z.strictObject({ weight: z.number().positive(), behaviour: behaviourSchema })).min(1),
  /** Risk control: above any of these an account gets the risk 429, for `coolMs` more. null: no such limit. */
  limits: z
    .strictObject({ per60s: count.nullable(), per3600s: count.nullable(), concurrent: count.nullable(), coolMs: milliseconds })
    .nullable(),
  /** Wait before a refresh is answered, ms. */
  refreshDelayMs: milliseconds,
  /** Words in one content event. */
  wordsPerChunk: z.int().min(1).max(10_000),
});

export type SimulatorSettings = z.infer<typeof settingsSchema>;

export const settingsPatchSchema = settingsSchema.partial();

export type SettingsPatch = z.infer<typeof settingsPatchSchema>;

export const defaultSettings: SimulatorSettings = {
  latency: null,
  gap: null,
  failureRate: 0,
  failures: [
    { weight: 3, behaviour: { error: { status: 500, message: 'Encountered an unexpected error.', type: 'InternalServerException' } } },
    { weight: 2, behaviour: { error: { status: 503, message: 'Service Unavailable', type: 'ServiceUnavailableException' } } },
    {
      weight: 2,
      behaviour: {
        error: {
          status: 429,
          message: 'I am experiencing high traffic, please try again shortly.',
          reason: 'INSUFFICIENT_MODEL_CAPACITY',
          type: 'ThrottlingException',
        },
      },
    },
    { weight: 2, behaviour: { cutAfter: 2 } },
    { weight: 1, behaviour: { exception: { type: 'ThrottlingException', message: 'Rate exceeded' } } },
  ],
  limits: null,
  refreshDelayMs: 0,
  wordsPerChunk: 4,
};

/** What a scripted function gets to see of a completion. */
export interface RequestView {
  readonly seq: number;
  readonly credential: string;
  readonly model: string;
  readonly conversationId: string;
  readonly invocationId: string | null;
  /** The current message's text. */
  readonly text: string;
  readonly tools: readonly string[];
  /** Texts of the tool results in the current message. */
  readonly toolResults: readonly string[];
  /** The whole body as sent. */
  readonly body: unknown;
}

export type BehaviourFunction = (view: RequestView) => Behaviour | undefined;

export interface BehaviourScript {
  /** A list is used up, one item for each completion; a function is asked each time. Per credential, or for all. */
  behave(script: BehaviourFunction | readonly Behaviour[], credential?: string): void;
  /** The credential's list, then everybody's list, then the credential's function, then everybody's. */
  next(view: RequestView): Behaviour | undefined;
  /** Items nobody has used yet. */
  pending(): number;
  reset(): void;
}

/** At most this many queued behaviours, so that a runaway driver cannot fill the memory. */
const MAX_QUEUED = 100_000;

export function createBehaviourScript(): BehaviourScript {
  const queues = new Map<string | null, Behaviour[]>();
  const functions = new Map<string | null, BehaviourFunction>();
  const pending = (): number => [...queues.values()].reduce((sum, queue) => sum + queue.length, 0);
  return {
    behave(script, credential) {
      const owner = credential ?? null;
      if (typeof script === 'function') {
        functions.set(owner, script);
        return;
      }
      if (pending() + script.length > MAX_QUEUED) throw new Error(`the simulator keeps at most ${MAX_QUEUED} queued behaviours`);
      queues.set(owner, [...(queues.get(owner) ?? []), ...script]);
    },
    next(view) {
      const queued = queues.get(view.credential)?.shift() ?? queues.get(null)?.shift();
      return queued ?? functions.get(view.credential)?.(view) ?? functions.get(null)?.(view);
    },
    pending,
    reset() {
      queues.clear();
      functions.clear();
    },
  };
}
