/* One entry of a detection map while it is read: what sigma_item.c and sigma_modifier.c share. Inside the
 * stage only. */
#ifndef DETECT_SIGMA_ITEM_H
#define DETECT_SIGMA_ITEM_H

#include "detect/sigma.h"

enum item_mode { MODE_TEXT, MODE_REGEX, MODE_CIDR, MODE_NUMBER, MODE_EXISTS, MODE_FIELD };

struct item {
    const struct sigma_source *source;
    struct str field, key;
    const struct yaml *at;
    enum item_mode mode;
    bool all, negated, cased, expand, before, behind;
    unsigned regex_flags;
    enum relation relation;
    enum time_part time_part;
    struct sigma_text *texts; /* forms of the value at hand */
    uint32_t text_count;
    struct error *err;
};

struct modifier {
    const char *name;
    bool (*apply)(struct item *item, int argument);
    int argument;
    bool changes_texts; /* runs once for each value; the others once for the item */
    unsigned modes;     /* with which kinds of comparison it means something: bits of enum item_mode */
};

#define MAX_MODIFIERS 16

/* Splits the key into field and modifiers; those that set flags are applied at once. */
bool read_modifiers(struct item *item, const struct modifier **chain, size_t *count);
bool item_error(struct item *item, const struct yaml *at, const char *en, const char *ja);
bool is_word_byte(char c);

#endif
