/** The code by which an engine says that it cannot do what was asked, and has changed nothing: a key too long for it, say. */
export const UNSUPPORTED = "UNSUPPORTED";

export function isUnsupported(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === UNSUPPORTED;
}

/** Runs calls of an engine; false if it cannot do them. */
export function offers(calls: () => void): boolean {
  try {
    calls();
    return true;
  } catch (error) {
    if (isUnsupported(error)) return false;
    throw error;
  }
}
