import assert from "node:assert/strict";
import { test } from "node:test";
import { userIdFinder } from "./user-id.ts";

type Source = { case: "header" | "query" | "cookie"; value: string };
const find = (sources: Source[], target: string, headers: string[] = []): string | undefined =>
  userIdFinder(sources.map((source) => ({ source })))(target, headers);

test("user id comes from the first source that has one", () => {
  const sources: Source[] = [
    { case: "header", value: "x-user" },
    { case: "query", value: "userId" },
    { case: "cookie", value: "uid" },
  ];
  assert.equal(find(sources, "/f?userId=q", ["x-user", "h", "cookie", "uid=c"]), "h");
  assert.equal(find(sources, "/f?userId=q", ["x-user", "", "cookie", "uid=c"]), "q");
  assert.equal(find(sources, "/f?userId=", ["cookie", "uid=c"]), "c");
  assert.equal(find(sources, "/f", []), undefined);
  assert.equal(find([], "/f?userId=q"), undefined);
});

test("user id in a query is found by its whole name and decoded", () => {
  const cases: [target: string, id: string | undefined][] = [
    ["/f?userId=u1", "u1"],
    ["/f?a=1&userId=u1&b=2", "u1"],
    ["/f?xuserId=no", undefined],
    ["/f?xuserId=no&userId=u2", "u2"],
    ["/f?a=userId=no", undefined],
    ["/f?a?userId=no", undefined],
    ["/userId=no", undefined],
    ["/f?userId=u1&userId=u2", "u1"],
    ["/f?userId=u%31", "u1"],
    ["/f?userId=a+b", "a b"],
    ["/f?userId=%E4%BD%A0", "你"],
    ["/f?userId=%ff", "%ff"],
    ["/f?userId", undefined],
    ["/f?userId=", undefined],
  ];
  for (const [target, id] of cases) assert.equal(find([{ case: "query", value: "userId" }], target), id, target);
});

test("user id in a cookie is found by its whole name in any cookie header", () => {
  const cases: [cookies: string[], id: string | undefined][] = [
    [["uid=a"], "a"],
    [["x=1; uid=a; y=2"], "a"],
    [["x=1;uid=a"], "a"],
    [["xuid=no; uid=a"], "a"],
    [["x=uid=no"], undefined],
    [['uid="a b"'], "a b"],
    [["x=1", "uid=a"], "a"],
    [["uid="], undefined],
    [["UID=a"], undefined],
  ];
  for (const [cookies, id] of cases) {
    const headers = cookies.flatMap((cookie) => ["cookie", cookie]);
    assert.equal(find([{ case: "cookie", value: "uid" }], "/", headers), id, cookies.join(" | "));
  }
});
