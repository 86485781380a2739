import { fault } from "@weir/kit/fault";
import { FeedReason } from "./feed.weir.ts";

const lengthMax = 128;

/** Whether a text can be the id of a user: 1 to 128 characters. */
export function isUserId(text: string): boolean {
  return text !== "" && text.length <= lengthMax;
}

/** Throws USER_ID_INVALID for what cannot be the id of a user. */
export function checkUserId(text: string): void {
  if (isUserId(text)) return;
  throw fault(FeedReason.USER_ID_INVALID, `expected a userId of 1 to ${lengthMax} characters, found ${text.length}`);
}
