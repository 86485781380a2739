import { auditCommand } from "./audit.ts";
import type { Command } from "./command.ts";
import { configCommand } from "./config.ts";
import { controlCommand } from "./control.ts";
import { devCommand } from "./dev.ts";
import { gatewayCommand } from "./gateway.ts";
import { genCommand } from "./gen.ts";
import { linkCommand } from "./link.ts";
import { loadCommand } from "./load.ts";
import { releaseCommand } from "./release.ts";
import { statusCommand } from "./status.ts";

/** Every command, in the order in which help lists them. */
export const commands: readonly Command[] = [
  devCommand,
  genCommand,
  controlCommand,
  gatewayCommand,
  statusCommand,
  releaseCommand,
  configCommand,
  auditCommand,
  linkCommand,
  loadCommand,
];
