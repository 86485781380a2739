import type { JSX } from "preact";

/** Pictures that stand beside words, never in place of them. */
export type GlyphName =
  | "check"
  | "warning"
  | "cross"
  | "wait"
  | "question"
  | "equal"
  | "up"
  | "down"
  | "right"
  | "back"
  | "menu"
  | "off"
  | "eye";

const paths: Readonly<Record<GlyphName, string>> = {
  check: "M3.5 8.5l3 3 6-7",
  warning: "M8 2.5l6 10.8H2zM8 6.6v3.2M8 11.7v.1",
  cross: "M4 4l8 8M12 4l-8 8",
  wait: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M8 5.2V8l2 1.4",
  question: "M5.8 6a2.2 2.2 0 1 1 3.3 1.9c-.7.4-1.1.8-1.1 1.6M8 12v.1",
  equal: "M3.5 6h9M3.5 10h9",
  up: "M8 13V3.5M4 7l4-4 4 4",
  down: "M8 3v9.5M4 9l4 4 4-4",
  right: "M6 3.5L10.5 8 6 12.5",
  back: "M6.5 3.5L2.5 7.5l4 4M2.5 7.5h7a4 4 0 0 1 0 8H8",
  menu: "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
  off: "M3 3l10 10M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11",
  eye: "M1.5 8s2.4-4.5 6.5-4.5S14.5 8 14.5 8 12.1 12.5 8 12.5 1.5 8 1.5 8M8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6",
};

/** A glyph of the text's size and colour; hidden from readers of the screen, as the words beside it say the same. */
export function Glyph(props: { readonly name: GlyphName }): JSX.Element {
  return (
    <svg class="glyph" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={paths[props.name]} />
    </svg>
  );
}

/** What a mark means; each tone has its glyph, so that the colour is never alone. */
export type Tone = "good" | "warn" | "bad" | "calm";

const toneGlyphs: Readonly<Record<Tone, GlyphName>> = { good: "check", warn: "wait", bad: "warning", calm: "question" };

/** A glyph and words in one tone. */
export function Mark(props: { readonly tone: Tone; readonly glyph?: GlyphName; readonly children: string }): JSX.Element {
  return (
    <span class="mark" data-tone={props.tone}>
      <Glyph name={props.glyph ?? toneGlyphs[props.tone]} />
      <span>{props.children}</span>
    </span>
  );
}

/** The sign of the house: a stream that a weir divides. */
export function Sign(): JSX.Element {
  return (
    <svg class="sign" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path class="sign-new" d="M2 12h5c4 0 4-6 8-6h7" />
      <path class="sign-stable" d="M7 12c4 0 4 6 8 6h7" />
    </svg>
  );
}
