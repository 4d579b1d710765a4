/** Why an SQLite file that is not ours cannot be read. */

/** The file cannot be read as a database; the message names it and says why. */
export class SqliteFileError extends Error {
  override readonly name = 'SqliteFileError';

  constructor(
    /**
     * `missing`: not there or not readable. `foreign`: no SQLite database. `truncated`: shorter than it says, or its log is.
     * `mismatch`: the log beside it is damaged or of another file. `changing`: written while it was copied, or locked.
     */
    readonly fault: 'missing' | 'foreign' | 'truncated' | 'mismatch' | 'changing',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
