/** Colours that canvas drawings use, resolved from the tokens for the theme that holds. */
export interface Colors {
  readonly ink: string;
  readonly faint: string;
  readonly line: string;
  readonly surface: string;
  readonly accent: string;
  readonly stable: string;
  readonly other: string;
  readonly bad: string;
  readonly focus: string;
  /** On the lower three steps, and on the higher ones. */
  readonly glyphLow: string;
  readonly glyphHigh: string;
  /** Step 0, for nothing, to the step for most; by metric. */
  readonly requests: readonly string[];
  readonly errors: readonly string[];
  readonly p99: readonly string[];
}

/** Resolves the tokens where the element stands. A canvas cannot read `light-dark()` by itself. */
export function colorsOf(element: Element): Colors {
  const probe = document.createElement("span");
  probe.hidden = true;
  element.append(probe);
  const token = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const steps = (name: string): string[] => [0, 1, 2, 3, 4, 5].map((step) => token(`${name}-${step}`));
  const colors: Colors = {
    ink: token("ink"),
    faint: token("ink-3"),
    line: token("line"),
    surface: token("surface"),
    accent: token("accent"),
    stable: token("stable"),
    other: token("ink-3"),
    bad: token("bad"),
    focus: token("focus"),
    glyphLow: token("glyph-low"),
    glyphHigh: token("glyph-high"),
    requests: steps("heat"),
    errors: steps("fault"),
    p99: steps("slow"),
  };
  probe.remove();
  return colors;
}
