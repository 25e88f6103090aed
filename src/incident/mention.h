/* Whom a note is for: names behind "@". Pure text; who has such an account is asked elsewhere. */
#ifndef INCIDENT_MENTION_H
#define INCIDENT_MENTION_H

#include "base/str.h"

/* Takes the next name off `rest`; false: there is none any more. "@" (or "＠") begins a name where a word
 * begins: an address of mail is none. `name` goes up to white space or punctuation, so in a text without
 * spaces ("@moriさんへ") it may run on: mention_is() tells how much of it an account's name takes. */
bool mention_next(struct str *rest, struct str *name);
/* Whether `name` begins with that account's name, as a whole: "mori" in "moriさんへ", not in "morita". Letter
 * case makes no difference. */
bool mention_is(struct str name, struct str account);
/* The part of a name that nobody has which is shown: up to the first character outside ASCII, if it begins
 * with one inside. */
struct str mention_shown(struct str name);

#endif
