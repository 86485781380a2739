import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const program = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"].find((file) => existsSync(file)) ?? "";

/** Why tests with a Redis of their own are skipped; false when they are not. */
export const skipOwnRedis: string | false = program === "" && "redis-server is not installed; tools/services.ts up installs it";

/** A Redis server of a test's own, which may be killed, frozen and started again. */
export class RedisProcess implements AsyncDisposable {
  readonly port: number;
  readonly #args: readonly string[];
  readonly #folder: string;
  #child: ChildProcess | undefined;

  private constructor({ port, folder, args }: { port: number; folder: string; args: readonly string[] }) {
    this.port = port;
    this.#folder = folder;
    this.#args = args;
  }

  /** Starts one on a free port, with further arguments. It saves nothing. */
  static async start(args: readonly string[] = []): Promise<RedisProcess> {
    const process = new RedisProcess({ port: await freePort(), folder: mkdtempSync(join(tmpdir(), "weir-redis-")), args });
    await process.start();
    return process;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again on its port, and waits until it takes connections. */
  async start(): Promise<void> {
    const args = ["--port", `${this.port}`, "--bind", "127.0.0.1", "--dir", this.#folder, "--save", "", ...this.#args];
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    let said = "";
    for await (const chunk of child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
      said += chunk as string;
      if (said.includes("Ready to accept connections")) break;
    }
    child.stdout.resume();
    if (child.exitCode !== null) throw new Error(`expected redis-server to start, found:\n${said}`);
  }

  /** As a crash does. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
