/** Where stores of simulations live; the directory above it is there, and durable, before anything starts. */
export const STORE = "/d/store";
export const EMPTY_DIRECTORIES: readonly string[] = ["/", "/d"];
