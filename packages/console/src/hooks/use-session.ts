import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import type { Token } from "@weir/api/identity";
import { systemClock } from "@weir/kit/clock";
import type { Fault } from "@weir/kit/fault";
import { faultFrom } from "@weir/kit/fault";
import type { ConsoleClient } from "../client.ts";
import { createConsoleClient } from "../client.ts";
import { storedToken, storeToken, tokenFromPaste } from "../model/session.ts";

/** Who is signed in, or why nobody is. */
export type SessionState =
  | { readonly kind: "checking"; readonly fault: Fault | undefined }
  | { readonly kind: "signed_out"; readonly why: "fresh" | "expired" | "link" | "token"; readonly fault: Fault | undefined }
  | { readonly kind: "signed_in"; readonly identity: Token };

/** The session of this tab. */
export interface Session {
  readonly state: SessionState;
  readonly client: ConsoleClient;
  /** Trades the code of a one-time link for a token; answers whether that worked. */
  readonly openLink: (code: string) => Promise<boolean>;
  /** Tries a pasted token; answers whether control knows it. */
  readonly pasteToken: (text: string) => Promise<boolean>;
  readonly signOut: () => void;
  /** Control no longer takes the token. */
  readonly expire: () => void;
}

const checkMs = 60_000;

const signedOut = (why: "fresh" | "expired" | "link" | "token", fault?: Fault): SessionState => ({ kind: "signed_out", why, fault });

/** Holds the token: in memory, and in sessionStorage so that a reload stays signed in. */
export function useSession(startsWithLink: boolean): Session {
  const held = useMemo(() => ({ token: storedToken(sessionStorage) }), []);
  const client = useMemo(() => createConsoleClient({ baseUrl: "", token: () => held.token }), [held]);
  const [state, setState] = useState<SessionState>(() =>
    held.token === undefined && !startsWithLink ? signedOut("fresh") : { kind: "checking", fault: undefined },
  );
  const keep = useCallback(
    (token: string | undefined) => {
      held.token = token;
      storeToken(sessionStorage, token);
    },
    [held],
  );
  useEffect(() => {
    if (held.token === undefined || startsWithLink) return undefined;
    const controller = new AbortController();
    void checkUntilAnswered({ client, signal: controller.signal, onState: setState, onRefused: () => keep(undefined) });
    return () => controller.abort();
  }, [client]);
  const signedIn = state.kind === "signed_in";
  useEffect(() => {
    if (!signedIn) return undefined;
    // Streams outlive the token that opened them: what has been revoked must not go unnoticed.
    const timer = setInterval(() => {
      client.identity.whoAmI({}).catch((thrown: unknown) => {
        if (faultFrom(thrown).code === "UNAUTHENTICATED") expire();
      });
    }, checkMs);
    return () => clearInterval(timer);
  }, [client, signedIn]);
  const expire = (): void => {
    keep(undefined);
    setState((now) => (now.kind === "signed_in" ? signedOut("expired") : now));
  };
  const enter = async (token: string, refused: "link" | "token"): Promise<boolean> => {
    keep(token);
    try {
      const { token: identity } = await client.identity.whoAmI({});
      if (identity) setState({ kind: "signed_in", identity });
      return identity !== undefined;
    } catch (thrown) {
      keep(undefined);
      setState(signedOut(refused, faultFrom(thrown)));
      return false;
    }
  };
  return {
    state,
    client,
    async openLink(code) {
      setState({ kind: "checking", fault: undefined });
      keep(undefined);
      try {
        const answer = await client.identity.exchangeLink({ code });
        return await enter(answer.token, "link");
      } catch (thrown) {
        setState(signedOut("link", faultFrom(thrown)));
        return false;
      }
    },
    pasteToken: (text) => enter(tokenFromPaste(text), "token"),
    signOut() {
      keep(undefined);
      setState(signedOut("fresh"));
    },
    expire,
  };
}

interface Check {
  readonly client: ConsoleClient;
  readonly signal: AbortSignal;
  readonly onState: (state: SessionState) => void;
  readonly onRefused: () => void;
}

/** Asks who the stored token is, again every two seconds while control cannot be reached. */
async function checkUntilAnswered(check: Check): Promise<void> {
  while (!check.signal.aborted) {
    const answer = await check.client.identity.whoAmI({}).catch(faultFrom);
    if (check.signal.aborted) return;
    if (!("brand" in answer)) return check.onState(answer.token ? { kind: "signed_in", identity: answer.token } : signedOut("expired"));
    if (answer.code === "UNAUTHENTICATED" || answer.code === "PERMISSION_DENIED") {
      check.onRefused();
      return check.onState(signedOut("expired", answer));
    }
    check.onState({ kind: "checking", fault: answer });
    await systemClock.sleep(2000, check.signal).catch(() => undefined);
  }
}
