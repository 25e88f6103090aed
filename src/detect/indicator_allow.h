/* Allow lists: MISP warning lists. Inside the stage only. */
#ifndef DETECT_INDICATOR_ALLOW_H
#define DETECT_INDICATOR_ALLOW_H

#include "detect/indicator_text.h"

/* The first list that contains the value; NULL = none. Any thread. */
const struct allow_list_info *allow_lists_contain(const struct allow_lists *lists, enum indicator_type type,
                                                  struct str value);

#endif
