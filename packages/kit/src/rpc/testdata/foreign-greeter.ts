/** A greeter that others' code serves, on a free port. A name "fail:5" is answered with code 5, "hang" not at all. */
export interface ForeignGreeter extends AsyncDisposable {
  readonly url: string;
  /** Calls that have begun and not ended, as the server sees it. */
  readonly open: () => number;
}

/** What a name "fail:…" is answered, beside its code. */
export const failure: { readonly message: string; readonly detail: Uint8Array; readonly detailType: string } = {
  message: "planted: 100 % – ünïcode",
  detail: Uint8Array.of(8, 42),
  detailType: "weir.greeter.v1.EchoResponse",
};

/** What sums and echoes are asked. */
export interface Numbered {
  readonly number: number;
}

/** Counts calls that are open: each ends once, however often it is told. */
export interface OpenCalls {
  readonly count: number;
  begin(): () => void;
}

/** A count of open calls. */
export function createOpenCalls(): OpenCalls {
  let count = 0;
  return {
    get count() {
      return count;
    },
    begin() {
      let isOpen = true;
      count += 1;
      return () => {
        if (isOpen) count -= 1;
        isOpen = false;
      };
    },
  };
}
