import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, Locator, Page } from "playwright-core";
import { browserMissing, openBrowser, openPage } from "./fixtures/browser.ts";
import type { House } from "./fixtures/house.ts";
import { openHouse } from "./fixtures/house.ts";
import { takePictures } from "./fixtures/pictures.ts";

describe("console in a browser", { skip: browserMissing, timeout: 180_000 }, () => {
  let house: House;
  let browser: Browser;
  before(async () => {
    [house, browser] = await Promise.all([openHouse({ requestsPerSecond: 80 }), openBrowser()]);
  });
  after(async () => {
    await browser.close();
    await house.close();
  });

  const signedIn = async (options: Parameters<typeof openPage>[1] & { readonly role?: "viewer" | "operator" } = {}) => {
    const opened = await openPage(browser, options);
    await opened.page.goto(await house.link(options.role));
    await opened.page.locator(".board").waitFor();
    return opened;
  };
  const figure = (page: Page, term: string): Locator =>
    page.locator(".figure", { has: page.locator("dt", { hasText: new RegExp(`^${term}$`) }) }).locator(".figure-value");

  test("a one-time link signs in, leaves the address bar, and works once", async () => {
    const { page, complaints } = await openPage(browser);
    const link = await house.link();
    await page.goto(link);
    await page.locator(".board").waitFor();
    const code = new URL(link).hash.split("code=")[1] ?? "";
    assert.equal(new URL(page.url()).hash, "#/releases/feed");
    assert.ok(!(await page.content()).includes(code));
    assert.equal(await page.evaluate(() => history.length), 2, "about:blank and the page; the link left nothing behind");
    await page.reload();
    await page.locator(".board").waitFor();
    assert.deepEqual(complaints, []);
    const other = await openPage(browser);
    await other.page.goto(link);
    await other.page.getByText("LINK_USED").waitFor();
    assert.ok(!other.page.url().includes(code));
    await page.context().close();
    await other.page.context().close();
  });

  test("dragging the rail proposes, a reason commits, and desired, acknowledged and observed agree", async () => {
    await setWeight(0);
    const { page, complaints } = await signedIn();
    await drag(page, 0.2);
    await page.getByText("2,000 of 10,000 users newly exposed to v2").waitFor();
    await page.getByText(/≈ [\d.]+ requests\/s move with them/).waitFor();
    assert.equal((await release()).newWeight, 0, "a drag changes nothing");
    await page.getByRole("button", { name: "Move to 20%" }).click({ force: true });
    assert.equal((await release()).newWeight, 0, "without a reason nothing is sent");
    await page.getByLabel("Reason", { exact: true }).fill("error ratio is fine");
    await page.keyboard.press("Enter");
    await page.getByText(/Weight set from 0% to 20%\. Acknowledged by 1 of 1 data plane after/).waitFor();
    assert.deepEqual([(await release()).newWeight, (await release()).reason], [2000, "error ratio is fine"]);
    await figure(page, "Desired").getByText("20%", { exact: true }).waitFor();
    await figure(page, "Acknowledged").getByText("20%", { exact: true }).waitFor();
    await page.getByText("Desired, acknowledged and observed agree.").waitFor({ timeout: 20_000 });
    assert.ok(Math.abs(Number.parseFloat(await figure(page, "Observed").innerText()) - 20) < 8);
    await page.locator(".mark-flag", { hasText: "→ 20%" }).waitFor();
    await page.locator(".audit-entry", { hasText: "0% → 20%" }).getByText("error ratio is fine").waitFor();
    await page.getByRole("button", { name: "Show as table" }).click();
    const rows = page.locator(".table-frame tbody tr", { hasText: "v2" });
    assert.equal(await rows.count(), 2);
    await page.waitForFunction(() =>
      [...document.querySelectorAll(".table-frame tbody tr")].every((row) => /[1-9]/.test(row.textContent?.slice(20) ?? "")),
    );
    assert.deepEqual(complaints, []);
    await page.context().close();
  });

  test("the keyboard does what the pointer does, and escape discards", async () => {
    await setWeight(2000);
    const { page } = await signedIn();
    const slider = page.getByRole("slider", { name: "Users on v2" });
    await slider.focus();
    for (const key of ["PageUp", "ArrowRight", "Shift+ArrowRight"]) await page.keyboard.press(key);
    assert.equal(await slider.getAttribute("aria-valuenow"), "36");
    assert.match((await slider.getAttribute("aria-valuetext")) ?? "", /proposed 36%, 3,600 of 10,000 users; now 20%/);
    await page.keyboard.press("Escape");
    assert.equal(await page.locator(".proposal").count(), 0);
    assert.equal(await slider.getAttribute("aria-valuenow"), "20");
    await page.locator(".heat-plot").focus();
    for (const key of ["End", "ArrowLeft", "ArrowDown"]) await page.keyboard.press(key);
    await page.locator(".heat-plot [aria-live]", { hasText: /\(v2\)/ }).waitFor({ state: "attached" });
    await page.context().close();
  });

  test("a release that somebody else moved is told, and the typed reason is kept", async () => {
    await setWeight(2000);
    const { page } = await signedIn();
    await page.getByRole("slider").focus();
    await page.keyboard.press("PageUp");
    await page.keyboard.press("Enter");
    await page.keyboard.type("more users");
    await setWeight(1000, "too hot");
    await page.getByText("admin moved it to 10% meanwhile: “too hot”.").waitFor();
    assert.equal(await page.getByLabel("Reason", { exact: true }).inputValue(), "more users");
    await page.getByRole("button", { name: "Propose 30% from 10%" }).click();
    await page.getByRole("button", { name: "Move to 30%" }).click();
    await page.getByText("Weight set from 10% to 30%.").waitFor();
    await page.getByRole("button", { name: /^Undo/ }).click();
    await page.getByText("Undone: weight back to 10%.").waitFor();
    assert.deepEqual([(await release()).newWeight, (await release()).reason], [1000, "undo: more users"]);
    await page.context().close();
  });

  test("the stable button takes everybody back with one press and says how long it took", async () => {
    await setWeight(5000);
    const { page } = await signedIn();
    await page.getByRole("button", { name: /^Stable/ }).click();
    await page.getByText(/Stable: all users to v1\. Acknowledged by 1 of 1 data plane after/).waitFor();
    assert.deepEqual([(await release()).newWeight, (await release()).reason], [0, "stable button"]);
    await figure(page, "Acknowledged").getByText("0%", { exact: true }).waitFor();
    await page.context().close();
  });

  test("what a data plane refused is named, with its reason, until it is gone", async () => {
    const { page } = await signedIn();
    const refusals = [
      { resource: "route/films", reason: "ROUTE_SHARES_INVALID", message: "Expected weights that sum to 10000, found 9900." },
    ];
    for await (const { snapshot } of house.snapshots.subscribe({ dataPlane: "edge-7" })) {
      if (!snapshot) continue;
      await house.snapshots.acknowledge({ dataPlane: "edge-7", epoch: snapshot.epoch, revision: snapshot.revision, refusals });
      await page.getByText("edge-7 refused route/films: ROUTE_SHARES_INVALID").waitFor();
      await page.getByText("Expected weights that sum to 10000, found 9900.").waitFor();
      await page.getByText("edge-7 refused a part of the configuration.").waitFor();
      break;
    }
    await page.getByText(/edge-7 is not connected, last heard/).waitFor();
    await page.locator(".source", { hasText: "edge-7" }).getByText("disconnected").waitFor();
    await page.context().close();
  });

  test("a viewer sees everything, changes nothing, and is told why", async () => {
    const { page } = await signedIn({ role: "viewer" });
    await page.locator("#rail-hint", { hasText: "Your token is a viewer’s" }).waitFor();
    const revision = (await release()).revision;
    await drag(page, 0.5);
    await page.getByRole("slider").press("PageUp");
    await page.getByRole("button", { name: /^Stable/ }).click({ force: true });
    assert.equal(await page.locator(".proposal").count(), 0);
    assert.equal((await release()).revision, revision);
    await page.context().close();
  });

  test("a revoked token ends the session in words, and signing in again leads back", async () => {
    const { page } = await signedIn();
    await page.getByRole("radio", { name: "Errors" }).check({ force: true });
    const { tokens } = await house.identity.listTokens({});
    const own = tokens.filter((token) => token.name === "operator-1" && token.revokedAtMs === 0n);
    for (const { id } of own) await house.identity.revokeToken({ id, reason: "left the team" });
    await page.getByRole("button", { name: /^Stable/ }).click();
    await page.getByText("Your session has ended").waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    assert.equal(new URL(page.url()).hash, "#/releases/feed?metric=errors");
    const { token } = await house.identity.createToken({ name: "back again", role: 2, reason: "back in the team" });
    await page.getByLabel("Token").fill(`Bearer ${token}`);
    await page.keyboard.press("Enter");
    await page.locator(".board").waitFor();
    assert.equal(new URL(page.url()).hash, "#/releases/feed?metric=errors");
    await page.context().close();
  });

  test("pages fit 390 pixels, every control has a name, and Chinese is whole", async () => {
    for (const [width, scheme, locale] of [
      [390, "dark", "zh-CN"],
      [390, "light", "en-GB"],
      [1280, "dark", "zh-CN"],
    ] as const) {
      const { page, complaints } = await signedIn({ width, height: 844, scheme, locale });
      await page.getByRole("slider").press("PageUp");
      await page.locator(".heat-plot canvas").waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
      assert.deepEqual(await namelessControls(page), []);
      assert.equal(await page.locator("html").getAttribute("lang"), locale === "zh-CN" ? "zh-CN" : "en");
      assert.deepEqual(complaints, []);
      await page.context().close();
    }
  });

  test("pictures are taken at both widths, in both schemes and both languages", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "weir-pictures-"));
    const pictures = await takePictures({ house, browser, folder });
    assert.equal(pictures.length, 8);
    t.diagnostic(`pictures are in ${folder}`);
  });

  test("a release begins to a version that stands ready, at nobody", async () => {
    await setWeight(0);
    const { page } = await signedIn();
    house.startInstance("v3");
    await page.getByText("Begin a release to another version").click();
    await page.locator(".begin").getByLabel("Reason").fill("v3 ranks better");
    await page.getByRole("button", { name: "Begin", exact: true }).click();
    await page.getByRole("slider", { name: "Users on v3" }).waitFor();
    assert.deepEqual([(await release()).newVersion, (await release()).newWeight], ["v3", 0]);
    await page.context().close();
  });

  test("an instance that is killed is shown gone within two seconds, and nobody is failed by it", async () => {
    const { page } = await signedIn();
    await house.killInstance("v1");
    const killedMs = Date.now();
    await page.locator('.heat-row-label[data-gone="true"]').waitFor();
    const tookMs = Date.now() - killedMs;
    assert.ok(tookMs < 2500, `${tookMs} ms`);
    assert.equal(house.visitors.statuses.get(0) ?? 0, 0);
    await page.context().close();
  });

  test("a lost control is told with times, nothing old is shown as fresh, and the page comes back by itself", async () => {
    const { page } = await signedIn();
    await house.stopControl();
    await page.getByText(/Connection to control lost since \d\d:\d\d:\d\d\./).waitFor();
    await page.getByText(/What you see is from \d\d:\d\d:\d\d, .* ago\./).waitFor();
    assert.equal(await page.locator(".page").getAttribute("data-stale"), "true");
    await page.locator(".chip", { hasText: "Connection lost" }).waitFor();
    await page.locator(".source", { hasText: "Control stream" }).getByText("late").waitFor({ timeout: 12_000 });
    await house.startControl();
    await page.locator(".chip", { hasText: "Live" }).waitFor({ timeout: 15_000 });
    assert.equal(await page.locator(".banner").count(), 0);
    await page.context().close();
  });

  async function setWeight(newWeight: number, reason = "so that the test begins here"): Promise<void> {
    await house.releases.setWeights({ service: "feed", shares: shares(newWeight), reason });
  }

  async function release() {
    const answer = await house.releases.getRelease({ service: "feed" });
    return answer.release ?? assert.fail("no release of the feed");
  }
});

function shares(newWeight: number): { version: string; weight: number }[] {
  return [
    { version: "v2", weight: newWeight },
    { version: "v1", weight: 10_000 - newWeight },
  ];
}

/** Drags the thumb to a place of the rail, 0 to 1. */
async function drag(page: Page, place: number): Promise<void> {
  const rail = (await page.locator(".rail-reach").boundingBox()) ?? assert.fail("no rail");
  const thumb = (await page.locator(".rail-thumb").boundingBox()) ?? assert.fail("no thumb");
  const y = thumb.y + thumb.height / 2;
  await page.mouse.move(thumb.x + thumb.width / 2, y);
  await page.mouse.down();
  await page.mouse.move(rail.x + rail.width * place, y, { steps: 8 });
  await page.mouse.up();
}

/** Controls that a reader of the screen could not name, and pictures without words, by their HTML. */
async function namelessControls(page: Page): Promise<string[]> {
  return await page.evaluate(() => {
    const named = (element: Element): boolean => {
      const label = element.getAttribute("aria-label") ?? element.textContent ?? "";
      const own =
        element instanceof HTMLInputElement || element instanceof HTMLSelectElement
          ? [...(element.labels ?? [])].map((one) => one.textContent).join("")
          : "";
      return label.trim() !== "" || own.trim() !== "";
    };
    const controls = [...document.querySelectorAll("button, a, input, select, summary, [role=slider], [tabindex='0']")];
    const silent = [...document.querySelectorAll("svg, canvas")].filter((one) => one.closest("[aria-hidden=true]") === null);
    return [...controls.filter((one) => !named(one)), ...silent].map((one) => one.outerHTML.slice(0, 200));
  });
}
