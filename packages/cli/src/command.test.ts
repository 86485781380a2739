import assert from "node:assert/strict";
import { test } from "node:test";
import { fault } from "@weir/kit/fault";
import type { Command, Io } from "./command.ts";
import { runCommand, wholeNumber } from "./command.ts";
import { cliReasons } from "./reasons.ts";

interface Told {
  readonly io: Io;
  readonly out: string[];
  readonly err: string[];
}

function told(): Told {
  const out: string[] = [];
  const err: string[] = [];
  const io: Io = {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    terminal: false,
    environment: {},
    signal: new AbortController().signal,
  };
  return { io, out, err };
}

const echo: Command = {
  name: "echo",
  summary: "say it again",
  help: "\nUsage: weir echo WORD\n\nExample:\n  weir echo hello",
  options: { times: { type: "string" } },
  async run(invocation) {
    const times = wholeNumber(invocation, "times", { min: 1, max: 3 }) ?? 1;
    for (let time = 0; time < times; time++) invocation.io.out(invocation.positionals.join(" "));
    return 0;
  },
};

const fail: Command = {
  ...echo,
  name: "fail",
  run: () => Promise.reject(fault(cliReasons.CREDENTIALS_MISSING, "expected a token, found none")),
};

test("runCommand runs the command that is named with what follows", async () => {
  const { io, out } = told();
  assert.equal(await runCommand([echo], ["echo", "hello", "--times", "2"], io), 0);
  assert.deepEqual(out, ["hello", "hello"]);
});

test("runCommand shows help with an example when asked", async () => {
  const { io, out } = told();
  assert.equal(await runCommand([echo], ["echo", "--help"], io), 0);
  assert.match(out.join("\n"), /^Usage: weir echo[^]*Example:/);
});

test("runCommand lists the commands and answers 2 when it does not know the one named", async () => {
  const { io, err } = told();
  assert.equal(await runCommand([echo], ["ecko"], io), 2);
  assert.match(err.join("\n"), /found "ecko"[^]*echo {2}say it again/);
});

test("runCommand answers 2 for an option that does not exist and names the help", async () => {
  const { io, err } = told();
  assert.equal(await runCommand([echo], ["echo", "--loud"], io), 2);
  assert.match(err.join("\n"), /--loud[^]*weir echo --help/);
});

test("runCommand turns a Fault into one line with its reason and answers 1", async () => {
  const { io, err } = told();
  assert.equal(await runCommand([fail], ["fail"], io), 1);
  assert.deepEqual(err, ["weir fail: expected a token, found none [CREDENTIALS_MISSING]"]);
});

test("runCommand writes a failure as JSON where a machine reads", async () => {
  const { io, out } = told();
  assert.equal(await runCommand([fail], ["fail", "--json"], io), 1);
  assert.deepEqual(JSON.parse(out[0]!), {
    code: "UNAUTHENTICATED",
    reason: "CREDENTIALS_MISSING",
    message: "expected a token, found none",
  });
});

test("wholeNumber refuses what is no number within the bounds", async () => {
  for (const text of ["0", "4", "1.5", "many", ""]) {
    const { io, err } = told();
    assert.equal(await runCommand([echo], ["echo", "a", `--times=${text}`], io), 1, text);
    assert.match(err.join("\n"), /from 1 to 3, found .*\[OPTION_INVALID\]/);
  }
});
