import { createClient } from "@weir/kit/rpc/client";
import { Identity, Role } from "@weir/api/identity";
import type { Command } from "./command.ts";
import type { Credentials } from "./credentials.ts";
import { controlTransport, findCredentials } from "./credentials.ts";

/** `weir link`: a one-time link that signs a person in to the console. */
export const linkCommand: Command = {
  name: "link",
  summary: "make a one-time link that signs you in to the console",
  help: `
Usage: weir link [--role viewer|operator|admin] [--name NAME]

Makes a link that signs one person in to the console, once, within 10 minutes.

  --role   what the person may do: viewer, operator (default) or admin
  --name   stands in the audit for the person; default "console"

Example:
  weir link --role viewer`,
  options: { role: { type: "string" }, name: { type: "string" } },
  async run({ values, io }) {
    const roles: Record<string, Role> = { viewer: Role.VIEWER, operator: Role.OPERATOR, admin: Role.ADMIN };
    const role = roles[String(values["role"] ?? "operator")];
    if (role === undefined) {
      io.err(`weir link: expected --role viewer, operator or admin, found ${JSON.stringify(values["role"])}`);
      return 2;
    }
    const credentials = findCredentials(io);
    const link = await createLink(credentials, { role, name: String(values["name"] ?? "console") });
    io.out(values["json"] === true ? JSON.stringify({ link }) : link);
    return 0;
  },
};

/** Asks control for a one-time code and puts it into the address of the sign-in page. */
export async function createLink(credentials: Credentials, { role, name }: { role: Role; name: string }): Promise<string> {
  const transport = controlTransport(credentials);
  try {
    const identity = createClient(Identity, transport);
    const { code } = await identity.createLink({ name, role, reason: "asked for on the command line" }, { timeoutMs: 5000 });
    return `${credentials.controlUrl}/#/sign-in?code=${code}`;
  } finally {
    await transport.close();
  }
}
