import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import type { Browser } from "playwright-core";
import { browserMissing, openBrowser, openPage } from "./fixtures/browser.ts";
import type { House } from "./fixtures/house.ts";
import { openHouse } from "./fixtures/house.ts";
import { takePictures } from "./fixtures/pictures.ts";

const folder = process.env["WEIR_PICTURES"] ?? "";
const requestsPerSecond = 90;

// A tool rather than a check: it exists for whoever names a folder (`npm run pictures`), and is no skipped test elsewhere.
if (folder !== "")
  test("pictures of the guide are taken after a minute of a real release", { skip: browserMissing, timeout: 240_000 }, takeAll);

async function takeAll(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const [house, browser] = await Promise.all([openHouse({ requestsPerSecond }), openBrowser()]);
  try {
    await carried(house, 15);
    await move(house, 500, "first users, staff has looked");
    await carried(house, 37);
    await move(house, 2000, "error ratio and p99 are fine at 5 %");
    await carried(house, 70);
    const pictures = await takePictures({ house, browser, folder, window: "60" });
    assert.equal(pictures.length, 8);
    await takeMoments(house, browser);
  } finally {
    await browser.close();
    await house.close();
  }
}

/** Waits until the visitors have asked for as many requests as they do in so many seconds. */
async function carried(house: House, seconds: number): Promise<void> {
  const wanted = seconds * requestsPerSecond;
  for await (const _ of house.releases.watchRelease({ service: "feed" })) {
    const asked = [...house.visitors.statuses.values()].reduce((sum, count) => sum + count, 0);
    if (asked >= wanted) return;
  }
}

async function move(house: House, weight: number, reason: string): Promise<void> {
  const shares = [
    { version: "v2", weight },
    { version: "v1", weight: 10_000 - weight },
  ];
  await house.releases.setWeights({ service: "feed", shares, reason });
}

/** What the whole-page pictures do not show: signing in, a proposal, what comes of it, the table, a lost control. */
async function takeMoments(house: House, browser: Browser): Promise<void> {
  const { page } = await openPage(browser, { height: 1400, sharpness: 1 });
  await page.goto(`${house.url}/`);
  await page.locator(".sign-in-card").screenshot({ path: join(folder, "sign-in.png") });
  await page.goto(await house.link());
  await page.locator(".heat-plot canvas").waitFor();
  await page.getByRole("button", { name: "Propose 50%" }).click();
  await page.getByLabel("Reason", { exact: true }).fill("twenty minutes at 20 % without a complaint");
  await page.locator(".weights").screenshot({ path: join(folder, "proposal.png") });
  await page.keyboard.press("Enter");
  await page.getByText("Acknowledged by 1 of 1").waitFor();
  await page.locator(".weights").screenshot({ path: join(folder, "committed.png") });
  await page.goto(`${house.url}/#/releases/feed?metric=errors&window=60`);
  await page.locator(".heat-plot").focus();
  for (const key of ["End", "ArrowLeft", "ArrowLeft", "ArrowLeft"]) await page.keyboard.press(key);
  await page.locator(".traffic").screenshot({ path: join(folder, "errors.png") });
  await house.stopControl();
  await page.getByText("Connection to control lost since").waitFor();
  await page.locator(".source", { hasText: "Control stream" }).getByText("late").waitFor({ timeout: 12_000 });
  await page.setViewportSize({ width: 1280, height: 620 });
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(folder, "lost.png") });
}
