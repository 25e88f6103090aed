/* A hint at how guessable a password is: length first, then variety and obvious repetition. The server decides. */

export const MINIMUM_LENGTH = 12;

export type Strength = 'short' | 'weak' | 'fair' | 'strong';

const CLASSES = [/\p{Ll}/u, /\p{Lu}/u, /\p{N}/u, /[^\p{L}\p{N}]/u, /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u];

export function passwordStrength(password: string, user: string): Strength {
  const characters = Array.from(password);
  if (characters.length < MINIMUM_LENGTH) return 'short';
  const distinct = new Set(characters).size;
  const lower = password.toLowerCase();
  const holdsUser = user.length >= 3 && lower.includes(user.toLowerCase());
  const sequential = /(?:0123|1234|2345|3456|4567|5678|6789|abcd|qwer|asdf|password|passw0rd)/i.test(password);
  if (holdsUser || distinct < 6 || (sequential && characters.length < 20)) return 'weak';
  const classes = CLASSES.filter((pattern) => pattern.test(password)).length;
  const score = characters.length + 3 * classes;
  return score >= 26 && distinct >= 10 ? 'strong' : 'fair';
}
