/** What the routes work with: one simulated service's state. */
import type { Clock } from '../shared/clock.js';
import type { BehaviourScript, SettingsPatch, SimulatorSettings } from './behaviour.js';
import type { Credentials } from './credentials.js';
import type { Gate } from './gate.js';
import type { Random } from './random.js';
import type { ReplyFrame } from './wire/frames.js';
import type { Witness } from './witness.js';

export interface Service {
  readonly clock: Clock;
  readonly random: Random;
  readonly credentials: Credentials;
  readonly witness: Witness;
  readonly script: BehaviourScript;
  readonly gate: Gate;
  readonly encode: (frame: ReplyFrame) => Buffer;
  readonly settings: () => SimulatorSettings;
  readonly change: (patch: SettingsPatch) => SimulatorSettings;
  /** Clears witness, scripts and settings; credentials stay. */
  readonly reset: () => void;
}
