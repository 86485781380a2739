import type { JSX } from "preact";
import { useWords } from "../context.ts";
import { causeRowsFrom } from "../model/causes.ts";
import type { LiveState } from "../model/live.ts";
import { en } from "../words/en.ts";
import type { Key } from "../words/en.ts";

/** Why requests failed, by cause and version, over the window of the comparison. */
export function Causes(props: { readonly live: LiveState }): JSX.Element {
  const words = useWords();
  const windows = props.live.traffic?.message.windows ?? [];
  const rows = causeRowsFrom(windows);
  return (
    <section class="card causes" aria-labelledby="causes-title">
      <h2 id="causes-title">{words.say("causes.title")}</h2>
      {rows.length === 0 ? (
        <p class="empty">{words.say(props.live.traffic ? "causes.none" : "delta.waiting")}</p>
      ) : (
        <table class="table">
          <thead>
            <tr>
              <th scope="col">{words.say("causes.cause")}</th>
              {windows.map((window) => (
                <th key={window.version} scope="col" class="number">
                  {window.version}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.cause}>
                <th scope="row">
                  <code>{row.cause}</code>
                  <span class="cause-words">{words.say(causeKey(row.cause))}</span>
                </th>
                {row.counts.map((one) => (
                  <td key={one.version} class="number">
                    {words.count(one.count)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function causeKey(cause: string): Key {
  const key = `causes.${cause}`;
  return key in en ? (key as Key) : "causes.other";
}
