/** The frame of the sign-in pages: a card in the middle, language and light above it. */
import { Box, Container, Group, Paper, Stack, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { Brand } from '../app/Brand';
import { LanguageSwitch, SchemeSwitch } from '../app/Switches';

export interface AuthFrameProps {
  readonly title: string;
  readonly children: ReactNode;
  /** Below the card. */
  readonly aside?: ReactNode;
}

export function AuthFrame({ title, children, aside }: AuthFrameProps) {
  useDocumentTitle(`${title} · KiroGate`);
  return (
    <Box mih="100vh">
      <Group component="header" justify="space-between" px="md" py="xs">
        <Brand to="/" />
        <Group gap={4}>
          <LanguageSwitch />
          <SchemeSwitch />
        </Group>
      </Group>
      <Container size={440} py={{ base: 'md', xs: 'xl' }} component="main" id="main">
        <Stack>
          <Paper p={{ base: 'md', xs: 'xl' }} shadow="sm">
            <Stack>
              <Title order={1}>{title}</Title>
              {children}
            </Stack>
          </Paper>
          {aside}
        </Stack>
      </Container>
    </Box>
  );
}
