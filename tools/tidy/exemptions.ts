/** One place where a rule would make a file worse. `path` is a file; the reason is for whoever wonders. */
export interface Exemption {
  readonly rule: string;
  readonly path: string;
  readonly why: string;
}

/** Every exemption there is. One that exempts nothing any more is a violation itself. */
export const exemptions: readonly Exemption[] = [];
