/* key=value pairs: FortiGate, netfilter, most firewalls, logfmt, auditd. */
#ifndef PARSE_KEY_VALUE_H
#define PARSE_KEY_VALUE_H

#include "parse/named.h"

struct key_value_form {
    char assign;             /* between key and value: '=' */
    char second_assign;      /* another one that is accepted, 0 = none */
    const char *separators;  /* between pairs: any of these characters, " \t\n" or "," or "; " */
    const char *quotes;      /* "\"'" ; "" = quotes mean nothing */
    bool values_have_spaces; /* an unquoted value runs up to the next "key=" (CEF, some firewalls) */
    bool keep_flags;         /* words without assign become names with the text "true" (netfilter SYN, DF) */
};

struct key_value_form key_value_default(void); /* '=', white space, both quotes */

/* Adds the pairs in order. Values lose their quotes, and \" \\ inside quotes their backslash. Text that is
 * neither pair nor flag is skipped. Returns how many pairs with a proper key (letters first) were found;
 * flags do not count. */
uint32_t key_value_parse(struct str text, const struct key_value_form *form, struct named_list *out,
                         struct arena *arena);

#endif
