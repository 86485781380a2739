import { useCallback, useEffect, useState } from "preact/hooks";
import type { Address } from "../model/address.ts";
import { addressFromHash, hashFromAddress } from "../model/address.ts";

/** Where the console is, and a way to change how it is looked at without a new entry in the history. */
export function useAddress(): readonly [Address, (change: Partial<Address>) => void] {
  const [address, setAddress] = useState(() => addressFromHash(location.hash));
  useEffect(() => {
    const listen = (): void => setAddress(addressFromHash(location.hash));
    addEventListener("hashchange", listen);
    return () => removeEventListener("hashchange", listen);
  }, []);
  const change = useCallback((change: Partial<Address>): void => {
    setAddress((held) => {
      const next = { ...held, ...change, code: "" };
      history.replaceState(null, "", hashFromAddress(next));
      return next;
    });
  }, []);
  return [address, change];
}
