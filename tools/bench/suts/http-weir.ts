import { createApp } from "@weir/kit/app";
import { implement } from "@weir/kit/rpc/implement";
import { Hello } from "../hello.weir.ts";
import { givenPort, givenTls, greetingFor } from "./greeting.ts";

// An app as anyone would write it, all settings at their defaults: metrics, deadlines and limits are on.
const hello = implement(Hello, {
  greet: async ({ name }) => greetingFor(name),
});

const files = givenTls();
const tls = files && { certificateFile: files.cert, keyFile: files.key };
await createApp({ name: "hello", services: [hello], port: givenPort(), tls }).run();
