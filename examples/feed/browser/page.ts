import { faultFrom } from "@weir/kit/fault";
import { createClient } from "@weir/kit/rpc/client";
import { createFetchTransport } from "@weir/kit/rpc/fetch-transport";
import type { Film } from "../feed.weir.ts";
import { Feed } from "../feed.weir.ts";

/** The same generated client as in Node, over fetch: by gRPC-Web or by Connect, as the form says. */
const clients = {
  "grpc-web": createClient(Feed, createFetchTransport({ baseUrl: location.origin, protocol: "grpc-web" })),
  connect: createClient(Feed, createFetchTransport({ baseUrl: location.origin, protocol: "connect" })),
};

const form = element("form");
const list = element("ol");
const status = element("[role=status]");
const alert = element("[role=alert]");

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void show();
});
void show();

async function show(): Promise<void> {
  const given = new FormData(form as HTMLFormElement);
  const userId = given.get("userId") as string;
  const client = clients[given.get("protocol") === "connect" ? "connect" : "grpc-web"];
  try {
    const page = await client.page({ userId, size: 10 }, { timeoutMs: 5000 });
    list.replaceChildren(...page.films.map(filmItem));
    status.textContent = `${page.films.length} films, answered by ${page.version}`;
    alert.textContent = "";
  } catch (thrown) {
    const { reason, message } = faultFrom(thrown);
    alert.textContent = `${reason}: ${message}`;
  }
}

function filmItem({ title, year, genre, why, rating }: Film): HTMLElement {
  const item = document.createElement("li");
  const about = document.createElement("span");
  const small = document.createElement("small");
  about.append(`${title} (${year})`, small);
  small.textContent = `${genre} · ${why}`;
  item.append(about, document.createTextNode(rating === 0 ? "" : rating.toFixed(1)));
  return item;
}

function element(selector: string): Element {
  const found = document.querySelector(selector);
  if (!found) throw new Error(`expected ${selector} on the page, found none`);
  return found;
}
