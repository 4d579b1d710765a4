/** The API's reference page, made of `/openapi.json`: groups, search, anchors, fields, a curl line each. */
import { Anchor, Box, Container, Grid, Group, NavLink, Stack, Text, TextInput, Title } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useMemo, useState } from 'react';
import { useGet } from '../api/queries';
import { Brand } from '../app/Brand';
import { LanguageSwitch, SchemeSwitch } from '../app/Switches';
import { PageHeader } from '../components/PageHeader';
import { Empty, Shown } from '../components/states';
import { useT } from '../i18n';
import { OperationView } from './OperationView';
import { matches, operationsOf } from './openApi';

type Document = Readonly<Record<string, unknown>>;

export function Page() {
  const t = useT();
  const document = useGet<Document>('/openapi.json');
  return (
    <Box mih="100vh">
      <a href="#main" className="kg-skip">
        {t('common:nav.skip')}
      </a>
      <Group component="header" className="kg-header" justify="space-between" px="md" py="xs">
        <Brand to="/" />
        <Group gap={4}>
          <LanguageSwitch />
          <SchemeSwitch />
        </Group>
      </Group>
      <Container size="xl" py="md" component="main" id="main" tabIndex={-1}>
        <PageHeader title={t('common:nav.docs')} description={t('common:docs.lead')}>
          <Anchor href="/openapi.json" size="sm" underline="always">
            OpenAPI
          </Anchor>
          <Anchor href="/asyncapi.json" size="sm" underline="always">
            AsyncAPI
          </Anchor>
        </PageHeader>
        <Shown query={document} rows={10}>
          {(data) => <Groups document={data} />}
        </Shown>
      </Container>
    </Box>
  );
}

const groupNames = ['v1', 'operations', 'auth', 'user', 'import', 'admin'] as const;
const isGroup = (name: string): name is (typeof groupNames)[number] => groupNames.some((one) => one === name);

function Groups({ document }: { readonly document: Document }) {
  const t = useT();
  const [search, setSearch] = useState('');
  const [wanted] = useDebouncedValue(search, 150);
  const all = useMemo(() => operationsOf(document), [document]);
  const shown = all
    .map(([group, operations]) => [group, operations.filter((one) => matches(one, wanted))] as const)
    .filter(([, operations]) => operations.length > 0);
  useAnchor();
  return (
    <Grid gap="xl">
      <Grid.Col span={{ base: 12, md: 3 }}>
        <Stack gap="xs" pos={{ base: 'static', md: 'sticky' }} top={16} component="nav" aria-label={t('common:docs.groups')}>
          <TextInput
            type="search"
            label={t('common:actions.search')}
            leftSection={<IconSearch size={16} />}
            value={search}
            onChange={({ currentTarget: { value } }) => setSearch(value)}
          />
          <Box>
            {shown.map(([group, operations]) => (
              <NavLink
                key={group}
                href={`#group-${group}`}
                label={isGroup(group) ? t(`common:docs.names.${group}`) : group}
                rightSection={
                  <Text size="xs" c="dimmed">
                    {operations.length}
                  </Text>
                }
              />
            ))}
          </Box>
        </Stack>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 9 }}>
        {shown.length === 0 && <Empty title={t('common:docs.none')} />}
        <Stack gap="xl">
          {shown.map(([group, operations]) => (
            <Stack key={group} gap="sm" component="section" aria-labelledby={`group-${group}`}>
              <Title order={2} id={`group-${group}`}>
                {isGroup(group) ? t(`common:docs.names.${group}`) : group}
              </Title>
              {operations.map((operation) => (
                <OperationView key={operation.id} operation={operation} />
              ))}
            </Stack>
          ))}
        </Stack>
      </Grid.Col>
    </Grid>
  );
}

/** The part that the address names is there only after the document came. */
function useAnchor(): void {
  useEffect(() => {
    const { hash } = window.location;
    if (hash !== '') document.getElementById(decodeURIComponent(hash.slice(1)))?.scrollIntoView();
  }, []);
}
