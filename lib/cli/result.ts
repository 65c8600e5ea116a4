import { reserveOutput } from './output-file.ts';

/** How a command's result is given. */
export interface ResultOptions {
  readonly json?: boolean;
  readonly out?: string;
}

/**
 * Does a command's work and gives its result: on stdout as JSON or for people, and as JSON in the file of `--out`, whose place is made sure of
 * before the work begins. A file that cannot be written in the end loses nothing: stdout has the result.
 *
 * @throws EznasError INVALID_FILE, and whatever the work throws
 */
export async function giveResult<Result>(
  { json = false, out }: ResultOptions,
  work: () => Promise<Result>,
  forPeople: (result: Result) => string,
): Promise<Result> {
  const file = out === undefined ? undefined : reserveOutput(out);
  try {
    const result = await work();
    const text = `${JSON.stringify(result)}\n`;
    try {
      file?.commit(text);
    } finally {
      await writeStdout(json ? text : forPeople(result));
    }
    return result;
  } finally {
    file?.discard();
  }
}

/** Writes to stdout and waits until it is out; main.ts deals with a reader that has gone. */
export function writeStdout(text: string): Promise<void> {
  return new Promise((done) => process.stdout.write(text, () => done()));
}
