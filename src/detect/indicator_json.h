/* Walking large JSON documents piece by piece: a feed of a million objects must not become one tree. Inside
 * the stage only. */
#ifndef DETECT_INDICATOR_JSON_H
#define DETECT_INDICATOR_JSON_H

#include "base/json.h"

/* Over the members of an object or the elements of an array. */
struct json_walk {
    struct str rest; /* what is not walked yet */
    bool is_object, is_broken;
};

/* False when the text begins with no object or array. */
bool json_walk_begin(struct str text, struct json_walk *w);
/* The next member (key without its quotes, escapes as written) or element (key ""); value is its exact text
 * (of one that is cut off: what there is). False at the end, and when the text is broken (is_broken is set
 * then). */
bool json_walk_next(struct json_walk *w, struct str *key, struct str *value);
/* The exact text of an object's member; "" when it is not there. */
struct str json_walk_find(struct str object, const char *key);
/* A string's text without quotes; unescaped into the arena when it has escapes. False: no string. */
bool json_walk_string(struct str value, struct arena *arena, struct str *out);

#endif
