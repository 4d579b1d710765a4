/** `/`: to the panel for whoever is signed in, else to the sign-in page. */
import { Container } from '@mantine/core';
import { Navigate } from '@tanstack/react-router';
import { useSession } from '../api/session';
import { Failed, Loading } from '../components/states';

export function Landing() {
  const session = useSession('member');
  if (session.data) return <Navigate to="/panel" replace />;
  if (session.data === null) return <Navigate to="/login" replace />;
  return (
    <Container size="xs" py="xl" component="main">
      {session.error ? <Failed error={session.error} retry={() => void session.refetch()} /> : <Loading />}
    </Container>
  );
}
