import { mkdirSync, writeFileSync } from "node:fs";
import { programPath } from "../../check/real-parts.ts";
import type { Contestant, Place } from "../contestant.ts";

/** The body that the backend of the gateway suite answers: about 400 bytes of JSON, as a page of a small API. */
export const backendBody: string = JSON.stringify({
  films: Array.from({ length: 4 }, (_, index) => ({
    id: `film-${index}`,
    title: `The ${index}th Film`,
    year: 1990 + index,
    genres: ["Drama", "Comedy"],
  })),
  nextCursor: "c4",
});

/** One worker, everything in its own folder, connections kept for as long as anyone likes. */
function configuration(place: Place, server: string, upstream: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${place.folder}/${name};`);
  return `
${process.getuid?.() === 0 ? "user root;" : ""}
daemon off;
worker_processes 1;
pid ${place.folder}/nginx.pid;
error_log ${place.folder}/error.log warn;
events { worker_connections 1024; }
http {
  ${temporary.join("\n  ")}
  keepalive_timeout 75s;
  keepalive_requests 100000000;
  ${upstream}
  server {
    listen 127.0.0.1:${place.port};
    ${server}
  }
}
`;
}

function nginxCommand(place: Place, server: string, upstream: string): readonly string[] {
  const program = programPath("nginx");
  if (program === undefined) throw new Error("expected nginx, found none: node tools/services.ts up installs it");
  mkdirSync(place.folder, { recursive: true });
  const path = `${place.folder}/nginx.conf`;
  writeFileSync(path, configuration(place, server, upstream));
  return [program, "-p", place.folder, "-e", `${place.folder}/error.log`, "-c", path];
}

/** The backend of the gateway suite: nginx that answers from memory, the cheapest server at hand. */
export const nginxBackend: Contestant = {
  name: "backend",
  command: (place) => nginxCommand(place, `access_log off; location / { default_type application/json; return 200 '${backendBody}'; }`, ""),
};

/** nginx as a gateway: access log on, connections to the upstream kept. */
export const nginxGateway: Contestant = {
  name: "nginx",
  command: (place) =>
    nginxCommand(
      place,
      `access_log ${place.folder}/access.log;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }`,
      `upstream backend { server 127.0.0.1:${place.backendPort}; keepalive 64; keepalive_requests 100000000; keepalive_timeout 75s; }`,
    ),
};
