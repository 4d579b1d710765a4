import { describe, expect, it } from 'vitest';
import { startSimulator } from './index.js';
import { accessTokenOf, completionBody, framesOf, generate, textOf, typesOf } from './testing/client.js';
import { useSimulator } from './testing/fixture.js';

const at = useSimulator();

describe('a completion', () => {
  it('is a normal live stream: text, metadata, context usage, metering', async () => {
    const response = await at.ask({ text: 'What a fine day it is today, grüße 🙂' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/vnd.amazon.eventstream');
    const list = await framesOf(response);
    expect(textOf(list)).toBe('You said: What a fine day it is today, grüße 🙂');
    expect(list.filter((f) => f.type === 'assistantResponseEvent').length).toBeGreaterThan(2);
    expect(typesOf(list)).toEqual(['assistantResponseEvent', 'metadataEvent', 'contextUsageEvent', 'meteringEvent']);
    expect(list.at(-3)?.payload).toEqual({ stopReason: 'END_TURN' });
    expect(list.at(-2)?.payload.contextUsagePercentage).toBeGreaterThan(0);
    expect(list.at(-1)?.payload).toMatchObject({ unit: 'credit' });
  });

  it('begins with an initial-response on the AWS-JSON root', async () => {
    const list = await framesOf(await at.ask({}, { root: true }));
    expect(list[0]).toEqual({ type: 'initial-response', payload: {} });
    expect(textOf(list)).toBe('You said: hello');
  });

  it('calls an offered tool in pieces, then quotes its result', async () => {
    const input = { path: '/tmp/a file with a long name.txt', deep: { list: [1, 2, 3], text: 'größe "]]" 🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂' } };
    const text = `please [[sim tool read ${JSON.stringify(input)}]]`;
    const list = await at.frames({ text, tools: ['read'] });
    const uses = list.filter((f) => f.type === 'toolUseEvent').map((f) => f.payload);
    expect(uses.length).toBeGreaterThan(3);
    expect(JSON.parse(uses.map((u) => u.input ?? '').join(''))).toEqual(input);
    expect(uses.at(-1)).toMatchObject({ name: 'read', stop: true });
    expect(list.at(-3)?.payload).toEqual({ stopReason: 'TOOL_USE' });
    const toolUseId = String(uses[0]?.toolUseId);
    const answered = await at.frames({
      text: '',
      tools: ['read'],
      history: [
        { userInputMessage: { content: text } },
        { assistantResponseMessage: { content: textOf(list), toolUses: [{ toolUseId, name: 'read', input }] } },
      ],
      context: { toolResults: [{ toolUseId, status: 'success', content: [{ text: 'forty-two' }] }] },
    });
    expect(textOf(answered)).toBe('The tool read answered: forty-two');
    expect(answered.at(-3)?.payload).toEqual({ stopReason: 'END_TURN' });
  });

  it('goes through several rounds of tools as the first question told it', async () => {
    const text = '[[sim tool a {}]][[sim next]][[sim tool b {"n":1}]]';
    const turn = (id: string, name: string) => ({
      assistantResponseMessage: { content: '', toolUses: [{ toolUseId: id, name, input: {} }] },
    });
    const result = (toolUseId: string) => ({ toolResults: [{ toolUseId, status: 'success', content: [{ text: id2text(toolUseId) }] }] });
    const id2text = (id: string): string => `result of ${id}`;
    const tools = ['a', 'b'];
    const second = await at.frames({
      text: 'go on',
      tools,
      history: [{ userInputMessage: { content: text } }, turn('t1', 'a')],
      context: result('t1'),
    });
    expect(second.find((f) => f.type === 'toolUseEvent')?.payload).toMatchObject({ name: 'b' });
    const history = [
      { userInputMessage: { content: text } },
      turn('t1', 'a'),
      { userInputMessage: { content: '', userInputMessageContext: result('t1') } },
      turn('t2', 'b'),
    ];
    expect(textOf(await at.frames({ text: '', tools, history, context: result('t2') }))).toBe('The tool b answered: result of t2');
  });

  it('says so when the wanted tool is not offered', async () => {
    expect(textOf(await at.frames({ text: '[[sim tool gone {}]]' }))).toBe('The tool gone is not offered here.');
  });

  it('sends tool input as one object, as growing objects, and interleaved', async () => {
    const inputs = async (text: string) =>
      (await at.frames({ text, tools: ['a', 'b'] })).filter((f) => f.type === 'toolUseEvent').map((f) => [f.payload.name, f.payload.input]);
    expect(await inputs('[[sim tool a {"x":1,"y":2}]] [[sim input object]]')).toEqual([
      ['a', { x: 1, y: 2 }],
      ['a', undefined],
    ]);
    expect(await inputs('[[sim tool a {"x":1,"y":2}]] [[sim input growing]]')).toEqual([
      ['a', {}],
      ['a', { x: 1 }],
      ['a', { x: 1, y: 2 }],
      ['a', undefined],
    ]);
    expect((await inputs('[[sim tool a {"x":1}]] [[sim tool b {"x":1}]] [[sim interleave]]')).map(([name]) => name)).toEqual([
      'a',
      'b',
      'a',
      'b',
      'a',
      'b',
    ]);
  });

  it('thinks natively with a signature that it takes back from this account only', async () => {
    const model = 'claude-opus-4.8';
    const root = { additionalModelRequestFields: { output_config: { effort: 'high' } } };
    const list = await at.frames({ model, root });
    const thinking = list.filter((f) => f.type === 'reasoningContentEvent').map((f) => f.payload);
    const text = thinking.map((t) => t.text ?? '').join('');
    const signature = String(thinking.at(-1)?.signature);
    expect(text).toContain('The user wrote something');
    expect(typesOf(list)[0]).toBe('reasoningContentEvent');
    const history = [
      { userInputMessage: { content: 'a' } },
      { assistantResponseMessage: { content: 'b', reasoningContent: { reasoningText: { text, signature } } } },
    ];
    expect((await at.ask({ model, root, history })).status).toBe(200);
    const other = at.sim.addCredential({ kind: 'social' });
    const foreign = await generate(
      at.sim.url,
      await accessTokenOf(at.sim.url, other),
      completionBody({ model, history, root: { profileArn: other.profileArn } }),
    );
    expect(await foreign.json()).toMatchObject({ reason: 'THINKING_SIGNATURE_INVALID' });
  });

  it('thinks in tags when asked by prompt tags, but not on a tool result', async () => {
    const tags = '<thinking_mode>enabled</thinking_mode><max_thinking_length>4000</max_thinking_length>';
    expect(textOf(await at.frames({ text: `${tags}\nhello` }))).toMatch(/^<thinking>The user .*<\/thinking>\n\nYou said: hello$/s);
    expect(textOf(await at.frames({ text: 'hello' }))).toBe('You said: hello');
  });

  it('lets GPT show its thinking sealed and behind the text', async () => {
    const list = await at.frames({ model: 'gpt-5.6-sol', root: { additionalModelRequestFields: { reasoning: { effort: 'low' } } } });
    expect(typesOf(list).slice(0, 2)).toEqual(['assistantResponseEvent', 'reasoningContentEvent']);
    const redactedContent = list.find((f) => f.type === 'reasoningContentEvent')?.payload.redactedContent;
    const history = [
      { userInputMessage: { content: 'a' } },
      { assistantResponseMessage: { content: 'b', reasoningContent: { redactedContent } } },
    ];
    expect((await at.ask({ model: 'gpt-5.6-sol', history })).status).toBe(200);
  });

  it('tells format and size of the images it saw', async () => {
    const bytes = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(93)]).toString('base64');
    expect(textOf(await at.frames({ text: 'look', message: { images: [{ format: 'png', source: { bytes } }] } }))).toBe(
      'I see 1 image: png, 101 bytes. You said: look',
    );
  });

  it('says the number of words it was asked for', async () => {
    expect(textOf(await at.frames({ text: '[[sim words 50]]' })).split(' ')).toHaveLength(50);
  });

  it('is the same for the same seed', async () => {
    const again = await startSimulator();
    const same = again.addCredential({ kind: 'social', id: 'one' });
    const response = await generate(
      again.url,
      await accessTokenOf(again.url, same),
      completionBody({ text: '[[sim tool a {}]]', tools: ['a'], root: { profileArn: same.profileArn } }),
    );
    expect(await framesOf(response)).toEqual(await at.frames({ text: '[[sim tool a {}]]', tools: ['a'] }));
    await again.close();
  });
});
