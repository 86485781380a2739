import { render } from "preact";
import "./styles/tokens.css";
import "./styles/ground.css";
import "./styles/frame.css";
import "./styles/weight.css";
import "./styles/traffic.css";
import "./styles/strips.css";
import { addressFromHash, hashFromAddress } from "./model/address.ts";
import { App } from "./pages/app.tsx";

// A one-time code leaves the address bar and the history before anything else happens.
const address = addressFromHash(location.hash);
if (address.code !== "") history.replaceState(null, "", hashFromAddress({ ...address, page: "releases" }));

const root = document.getElementById("app");
if (root) render(<App code={address.code} />, root);
