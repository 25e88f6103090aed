/* What is told of a program by its path and by launch control, for the instruments about hosts. The words are
 * lists of the instrument's file:
 *
 *   off_list: words of launch control for a program that is not approved, without blanks, '-' and '_'
 *   temporary_paths, removable_paths: parts of paths in lower case with '\' between folders
 *   removable_drives: letters */
#ifndef INSTRUMENT_PROGRAM_H
#define INSTRUMENT_PROGRAM_H

#include "instrument/kind.h"

#define PROGRAM_TEXT_MAX 512 /* what is longer is cut: the end, which holds the name, is kept */

/* Lower case, '\' between folders. The result lies in `out`. */
struct str program_path(struct str path, char out[PROGRAM_TEXT_MAX]);
/* The same for all versions and users: of a program_path(), with the user's folder, numbers and long
 * hexadecimal words replaced. */
struct str program_shape(struct str lower_path, char out[PROGRAM_TEXT_MAX]);
/* What follows the last folder, of any path. */
struct str program_name(struct str path);

bool program_is_temporary(const struct instrument *i, struct str lower_path);
bool program_is_removable(const struct instrument *i, struct str lower_path);
/* Launch control says that the program is not approved, whether or not it was stopped. */
bool program_is_off_list(const struct instrument *i, const struct sight *s);
/* Any item of the list is part of the text. False when there is no such list. */
bool listed_within(const struct instrument *i, const char *list, struct str text);

#endif
