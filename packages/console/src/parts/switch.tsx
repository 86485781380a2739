import type { JSX } from "preact";

/** One choice of a switch. */
export interface SwitchChoice<T> {
  readonly value: T;
  readonly text: string;
  /** Language of the text, when it is another than the page's. */
  readonly lang?: string;
}

/** A row of choices of which one holds: radio buttons that look like one control, so that the arrow keys work. */
export function Switch<T extends string | number>(props: {
  readonly name: string;
  readonly label: string;
  readonly value: T;
  readonly choices: readonly SwitchChoice<T>[];
  readonly onChange: (value: T) => void;
}): JSX.Element {
  return (
    <fieldset class="switch">
      <legend class="hidden">{props.label}</legend>
      {props.choices.map((choice) => (
        <label key={choice.value} class="switch-choice" lang={choice.lang}>
          <input type="radio" name={props.name} checked={choice.value === props.value} onChange={() => props.onChange(choice.value)} />
          <span>{choice.text}</span>
        </label>
      ))}
    </fieldset>
  );
}
