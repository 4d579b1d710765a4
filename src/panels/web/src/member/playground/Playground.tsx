/** Trying a key out: a conversation that streams and can be stopped. The key stays in this page's memory. */
import {
  Autocomplete,
  Button,
  Grid,
  Group,
  NumberInput,
  Paper,
  PasswordInput,
  SegmentedControl,
  Stack,
  Text,
  Textarea,
} from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconPlayerStop, IconSend, IconTrash } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { FormAlert } from '../../components/FormAlert';
import { PageHeader } from '../../components/PageHeader';
import { Panel } from '../../components/Panel';
import { Empty } from '../../components/states';
import { useT } from '../../i18n';
import { useFormat } from '../../i18n/format';
import { canBeKey, type Dialect } from './stream';
import { type Conversation, type Outcome, useConversation } from './useConversation';

const usualModels = ['claude-sonnet-4-5', 'claude-haiku-4-5'];

/** What the key may use; the usual names until it is known. */
function useModels(key: string): readonly string[] {
  const wanted = /^sk-\w{48}$/.test(key);
  const models = useQuery({
    queryKey: ['/v1/models', key.slice(-6)],
    enabled: wanted,
    retry: false,
    staleTime: 300_000,
    async queryFn({ signal }): Promise<readonly string[]> {
      const answer = await fetch('/v1/models', { headers: { authorization: `Bearer ${key}` }, credentials: 'omit', signal });
      if (!answer.ok) return usualModels;
      const { data } = (await answer.json()) as { data: readonly { id: string }[] };
      return data.map(({ id }) => id);
    },
  });
  return models.data ?? usualModels;
}

export function Page() {
  const t = useT('member');
  const conversation = useConversation();
  const form = useForm({
    initialValues: {
      key: '',
      dialect: 'openai' as Dialect,
      model: usualModels[0] ?? '',
      system: '',
      maxTokens: 1024 as number | string,
      text: '',
    },
    validate: {
      key: (value) => {
        if (value.trim() === '') return t('member:playground.keyMissing');
        return canBeKey(value.trim()) ? null : t('member:playground.keyForeign');
      },
      model: (value) => (value.trim() === '' ? t('member:playground.modelMissing') : null),
    },
  });
  const models = useModels(form.values.key.trim());
  const busy = conversation.running !== null;
  const submit = form.onSubmit(({ key, dialect, model, system, maxTokens, text }) => {
    if (busy || text.trim() === '') return;
    conversation.send(text, { dialect, key: key.trim(), model: model.trim(), system, maxTokens: Number(maxTokens) || 1024 });
    form.setFieldValue('text', '');
  });
  return (
    <>
      <PageHeader title={t('member:nav.playground')} description={t('member:playground.lead')} />
      <form onSubmit={submit}>
        <Grid>
          <Grid.Col span={{ base: 12, md: 4 }}>
            <Panel title={t('member:playground.settings')}>
              <PasswordInput
                label={t('member:playground.key')}
                description={t('member:playground.keyHint')}
                visibilityToggleButtonProps={{ 'aria-label': t('member:playground.showKey') }}
                autoComplete="off"
                {...form.getInputProps('key')}
              />
              <SegmentedControl
                aria-label={t('member:playground.dialect')}
                fullWidth
                data={[
                  { value: 'openai', label: 'Chat Completions' },
                  { value: 'anthropic', label: 'Messages' },
                ]}
                {...form.getInputProps('dialect')}
              />
              <Autocomplete label={t('member:playground.model')} data={[...models]} limit={50} {...form.getInputProps('model')} />
              <Textarea label={t('member:playground.system')} autosize minRows={2} maxRows={6} {...form.getInputProps('system')} />
              <NumberInput
                label={t('member:playground.maxTokens')}
                min={1}
                max={200_000}
                allowDecimal={false}
                {...form.getInputProps('maxTokens')}
              />
            </Panel>
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 8 }}>
            <Panel
              title={t('member:playground.conversation')}
              actions={
                conversation.turns.length > 0 && (
                  <Button size="xs" variant="subtle" leftSection={<IconTrash size={14} />} onClick={conversation.clear}>
                    {t('common:actions.clear')}
                  </Button>
                )
              }
            >
              <Turns conversation={conversation} />
              <FormAlert error={conversation.error} />
              {conversation.outcome && <OutcomeLine outcome={conversation.outcome} />}
              <Textarea
                label={t('member:playground.message')}
                autosize
                minRows={3}
                maxRows={10}
                onKeyDown={(event) => {
                  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit();
                }}
                description={t('member:playground.sendHint')}
                {...form.getInputProps('text')}
              />
              <Group justify="flex-end">
                {busy ? (
                  <Button color="red" leftSection={<IconPlayerStop size={16} />} onClick={conversation.stop}>
                    {t('member:playground.stop')}
                  </Button>
                ) : (
                  <Button type="submit" leftSection={<IconSend size={16} />} disabled={form.values.text.trim() === ''}>
                    {t('member:playground.send')}
                  </Button>
                )}
              </Group>
            </Panel>
          </Grid.Col>
        </Grid>
      </form>
    </>
  );
}

function Turns({ conversation: { turns, running } }: { readonly conversation: Conversation }) {
  const t = useT('member');
  if (turns.length === 0) return <Empty title={t('member:playground.empty')} hint={t('member:playground.emptyHint')} />;
  const all = running === null ? turns : [...turns, { role: 'assistant' as const, content: running === '' ? '…' : running }];
  return (
    <Stack gap="sm" role="log" aria-label={t('member:playground.conversation')} aria-busy={running !== null}>
      {all.map(({ role, content }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: turns are only ever added at the end
        <Paper key={index} p="sm" bg={role === 'user' ? 'var(--mantine-primary-color-light)' : 'transparent'}>
          <Text size="xs" c="dimmed" fw={600}>
            {t(`member:playground.roles.${role}`)}
          </Text>
          <Text size="sm" className="kg-pre">
            {content}
          </Text>
        </Paper>
      ))}
    </Stack>
  );
}

function OutcomeLine({ outcome }: { readonly outcome: Outcome }) {
  const t = useT('member');
  const format = useFormat();
  const parts = [
    ...(outcome.stopped ? [t('member:playground.stopped')] : []),
    format.duration(outcome.latencyMs),
    ...(outcome.input === null ? [] : [t('member:playground.input', { tokens: format.number(outcome.input) })]),
    ...(outcome.output === null ? [] : [t('member:playground.output', { tokens: format.number(outcome.output) })]),
    ...(outcome.requestId === null ? [] : [outcome.requestId]),
  ];
  return (
    <Text size="xs" c="dimmed" role="status" className="kg-wrap">
      {parts.join(' · ')}
    </Text>
  );
}
