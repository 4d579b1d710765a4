/** Shows an admin password that was made here, to the person who starts it, and never again. */
import { notePasswordShown } from '../infra/secrets.js';

export async function showPassword(password: string, dataDir: string, to: NodeJS.WritableStream): Promise<void> {
  to.write(`\nAdmin password, generated and shown this once: ${password}\n\n`);
  // Where that cannot be noted it is shown once more, which is better than never.
  await notePasswordShown(dataDir).catch(() => undefined);
}
