const labelPattern = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;
const versionPattern = /^[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,61}[A-Za-z0-9])?$/;
const hostPattern = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
const addressPattern = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9a-fA-F:.]{2,45}\]):([0-9]{1,5})$/;

/** Whether a text may name a route or a service: 1 to 63 of a-z, 0-9, dot and dash, letters or digits at both ends. */
export function isName(text: string): boolean {
  return labelPattern.test(text);
}

/** Whether a text may name a version: 1 to 63 letters, digits, `.`, `_`, `+` and `-`, letters or digits at both ends. */
export function isVersion(text: string): boolean {
  return versionPattern.test(text);
}

/** Whether a text is a host name as routes hold it: lower case, without a port. */
export function isHost(text: string): boolean {
  return hostPattern.test(text);
}

/** Whether a text is an address, "host:port" or "[ipv6]:port", with a port from 1 to 65535. */
export function isAddress(text: string): boolean {
  const port = Number(addressPattern.exec(text)?.[1] ?? 0);
  return port >= 1 && port <= 65535;
}
