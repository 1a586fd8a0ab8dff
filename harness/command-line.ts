const HARNESS = "npx tinykv-harness";

/** A command of the harness, to be typed as it stands. */
export function commandLine(words: readonly (string | number)[]): string {
  return [HARNESS, ...words.map((word) => quote(String(word)))].join(" ");
}

/** A word as a POSIX shell takes it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
