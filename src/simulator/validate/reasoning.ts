/** Thinking on the wire: replayed reasoning must be whole and ours, request fields must fit the model (kiro-protocol B11). */
import type { SimModel } from '../models.js';
import { bodyInvalid, improper, signatureInvalid } from '../refusals.js';
import { isObject, objectAt, oneOf, optionalObjectAt, stringAt } from './shape.js';

export interface SignatureCheck {
  /** Did this account get this thinking from this model? */
  owns(text: string, signature: string): boolean;
  ownsRedacted(content: string): boolean;
}

/** Throws Refusal on flat shapes, missing signatures and foreign ones. */
export function checkReasoning(value: unknown, path: string, signatures: SignatureCheck): void {
  const reasoning = optionalObjectAt(value, path);
  if (!reasoning) return;
  if (oneOf(reasoning, ['reasoningText', 'redactedContent'], 'reasoning.shape', path) === 'redactedContent') {
    const content = stringAt(reasoning.redactedContent, `${path}.redactedContent`);
    if (!signatures.ownsRedacted(content)) throw signatureInvalid(`${path}.redactedContent`);
    return;
  }
  const text = objectAt(reasoning.reasoningText, `${path}.reasoningText`);
  const words = stringAt(text.text, `${path}.reasoningText.text`);
  const signature = stringAt(text.signature, `${path}.reasoningText.signature`);
  if (words === '' || signature === '') throw improper('reasoning.shape', `${path}.reasoningText`);
  if (!signatures.owns(words, signature)) throw signatureInvalid(`${path}.reasoningText.signature`);
}

const fieldsOf = { claude: ['output_config', 'thinking'], gpt: ['reasoning'], other: [] } as const;

/** Throws Refusal unless `additionalModelRequestFields` are those of this model's family with an effort it knows. */
export function checkModelFields(value: unknown, model: SimModel): void {
  const path = 'additionalModelRequestFields';
  const fields = optionalObjectAt(value, path);
  if (!fields) return;
  const refuse = (at: string): never => {
    throw bodyInvalid('Invalid additionalModelRequestFields.', 'modelFields', at);
  };
  const allowed: readonly string[] = model.efforts.length > 0 ? fieldsOf[model.family] : [];
  for (const name of Object.keys(fields)) if (!allowed.includes(name)) refuse(`${path}.${name}`);
  for (const name of ['output_config', 'reasoning']) {
    const config = fields[name];
    if (config === undefined) continue;
    const effort = isObject(config) ? config.effort : undefined;
    if (typeof effort !== 'string' || !model.efforts.includes(effort)) refuse(`${path}.${name}.effort`);
  }
}
