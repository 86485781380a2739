/** What every contestant of the http suite answers to /v1/hello/{name}, in the order of the contract's fields. */
export interface Greeting {
  readonly message: string;
  readonly visits: number;
  readonly score: number;
  readonly returning: boolean;
  readonly tags: string[];
}

/** Greets a name. Made anew for each request: that is the handler's work. */
export function greetingFor(name: string): Greeting {
  return { message: `Hello, ${name}`, visits: 42, score: 0.75, returning: true, tags: ["river", "weir"] };
}

/** The port that the bench gave on the command line. */
export function givenPort(): number {
  return Number(process.argv[2]);
}

/** Where certificate and key lie, when the bench wants TLS. */
export function givenTls(): { readonly cert: string; readonly key: string } | undefined {
  const [, , , , cert, key] = process.argv;
  return cert === undefined || key === undefined ? undefined : { cert, key };
}
